import { computed, signal } from '@preact/signals'
import { route } from './route.js'

/** Whether someone may be looking at the page. */
export const pageVisible = signal(document.visibilityState === 'visible')

document.addEventListener('visibilitychange', () => {
  pageVisible.value = document.visibilityState === 'visible'
})

/** Whether the device has a network, as far as the browser knows. */
export const online = signal(navigator.onLine)

for (const change of ['online', 'offline']) {
  addEventListener(change, () => {
    online.value = navigator.onLine
  })
}

/** The room that is being looked at. */
export const lookingAt = computed(() => (pageVisible.value ? route.value : undefined))
