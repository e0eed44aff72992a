import { FoldedText } from '../shared/folded-text.js'
import { readableText } from './text.js'

const FOLD = 2000

/** What someone said. Other clients may send any JSON, which is shown as such. */
export function MessageText({ msg }: { readonly msg: unknown }) {
  return <FoldedText text={readableText(msg)} fold={FOLD} code={typeof msg !== 'string'} />
}
