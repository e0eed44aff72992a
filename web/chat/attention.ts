import { computed, signal } from '@preact/signals'
import { route } from './route.js'

/** Whether someone may be looking at the page. */
export const pageVisible = signal(document.visibilityState === 'visible')

document.addEventListener('visibilitychange', () => {
  pageVisible.value = document.visibilityState === 'visible'
})

/** The room that is being looked at. */
export const lookingAt = computed(() => (pageVisible.value ? route.value : undefined))
