import type { ComponentChildren } from 'preact'
import type { Problem } from './problems.js'

interface Props {
  readonly problem: Problem
  /** What the reader can do about it here. */
  readonly children?: ComponentChildren
}

/** Says what went wrong and what to do; read out at once. */
export function ProblemNote({ problem, children }: Props) {
  return (
    <div class="problem" role="alert">
      <p>
        <strong>{problem.title}.</strong> {problem.remedy}
      </p>
      {children}
    </div>
  )
}
