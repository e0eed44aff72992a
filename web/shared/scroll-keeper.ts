/** Nearer to the end than this counts as there, in pixels. */
const AT_END = 60

/** Where a reader is: at the end, or with a line so far below the top of what is seen. */
export type Place = 'end' | { readonly line: Element; readonly top: number } | undefined

/** Keeps a reader's place in a scrolled list while lines come before, behind or between. */
export class ScrollKeeper {
  /** Whether the end is in view. */
  atEnd = true
  readonly #scroller: HTMLElement
  readonly #list: HTMLElement
  readonly #watcher: ResizeObserver

  /** Lines that may hold the place carry `data-line`. */
  constructor(scroller: HTMLElement, list: HTMLElement) {
    this.#scroller = scroller
    this.#list = list
    // What is not a change of lines: a window, a keyboard or a field that takes more room.
    this.#watcher = new ResizeObserver(() => {
      if (this.atEnd) this.toEnd()
    })
    this.#watcher.observe(scroller)
    this.#watcher.observe(list)
  }

  /** To be called when the reader scrolled. */
  scrolled(): void {
    this.atEnd = this.toGo < AT_END
  }

  /** Pixels from the top of the list. */
  get gone(): number {
    return this.#scroller.scrollTop
  }

  /** Pixels to the end of the list. */
  get toGo(): number {
    const { scrollHeight, scrollTop, clientHeight } = this.#scroller
    return scrollHeight - scrollTop - clientHeight
  }

  /** The place, to be taken before lines change. */
  take(): Place {
    if (this.atEnd) return 'end'
    const edge = this.#scroller.getBoundingClientRect().top
    for (const line of this.#list.querySelectorAll('[data-line]')) {
      const box = line.getBoundingClientRect()
      if (box.bottom > edge) return { line, top: box.top }
    }
    return undefined
  }

  /** Goes back to a place, after lines changed. */
  restore(place: Place): void {
    if (place === 'end') this.toEnd()
    else if (place?.line.isConnected) {
      this.#scroller.scrollTop += place.line.getBoundingClientRect().top - place.top
    }
  }

  toEnd(): void {
    this.#scroller.scrollTop = this.#scroller.scrollHeight
    this.atEnd = true
  }

  stop(): void {
    this.#watcher.disconnect()
  }
}
