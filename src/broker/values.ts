/** A value that is kept for a while. */
export interface Remembered {
  /** 1–600 characters. */
  readonly key: string
  /** At most 8192 characters. */
  readonly value: string
  /** When it is gone, milliseconds since 1970. */
  readonly expires: number
}

/** How often a key has been counted. */
export interface Counted {
  /** Events in its present window, the one just counted included. */
  readonly count: number
  /** How much of the window is left, milliseconds. */
  readonly left: number
}
