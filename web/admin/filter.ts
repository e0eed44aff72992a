import { signal } from '@preact/signals'

/** Whose connections are listed: all, those of a user, those in a room. */
export const userFilter = signal('')
export const roomFilter = signal('')
