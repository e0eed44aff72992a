import type { Work } from './work.js'
import { correctnessWorks } from './works-correctness.js'
import { costWorks } from './works-cost.js'
import { growthWorks } from './works-growth.js'

/** All works, by the name on the command line, in the order of the results. */
export const works: readonly Work[] = [...costWorks, ...growthWorks, ...correctnessWorks]
