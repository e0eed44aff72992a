import { signal } from '@preact/signals'

let timer: ReturnType<typeof setInterval>

/**
 * The time in milliseconds, once a second and only while something shows it: the timer runs as
 * long as the signal is watched.
 */
export const now = signal(Date.now(), {
  watched() {
    now.value = Date.now()
    timer = setInterval(() => {
      now.value = Date.now()
    }, 1000)
  },
  unwatched() {
    clearInterval(timer)
  },
})
