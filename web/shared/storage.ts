/**
 * `localStorage` and `sessionStorage` for small JSON values. Storage may be full, or forbidden by
 * the browser; the pages then work without a memory.
 */
function keeper(area: () => Storage) {
  return {
    get(key: string): unknown {
      try {
        return JSON.parse(area().getItem(key) ?? 'null')
      } catch {
        return null
      }
    },
    /** Stores a value; `undefined` removes it. */
    set(key: string, value: unknown): void {
      try {
        if (value === undefined) area().removeItem(key)
        else area().setItem(key, JSON.stringify(value))
      } catch {
        // Nothing to tell the user: what is lost is only the next visit's convenience.
      }
    },
  }
}

/** Kept for the next visit, shared by all tabs. */
export const remembered = keeper(() => localStorage)

/** Kept until the tab is closed. */
export const tabMemory = keeper(() => sessionStorage)
