/** A directory does not hold a log that can be used as asked; the message says all there is to say. */
export class UnusableLog extends Error {
  override readonly name = 'UnusableLog'
}
