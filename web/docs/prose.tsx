/** Text in which `code` stands between backticks. */
export function Prose({ text }: { readonly text: string }) {
  return (
    <>
      {text.split('`').map((part, i) => (
        <span key={i}>{i % 2 === 1 ? <code>{part}</code> : part}</span>
      ))}
    </>
  )
}
