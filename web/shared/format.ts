import { strings } from '../strings.js'

const DAY = 86_400_000

const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' })
const exactClock = new Intl.DateTimeFormat(undefined, {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  fractionalSecondDigits: 3,
  hour12: false,
})
const full = new Intl.DateTimeFormat(undefined, { dateStyle: 'full', timeStyle: 'medium' })
const day = new Intl.DateTimeFormat(strings.locale, {
  weekday: 'long',
  day: 'numeric',
  month: 'long',
})
const dayAndYear = new Intl.DateTimeFormat(strings.locale, {
  day: 'numeric',
  month: 'long',
  year: 'numeric',
})

/** "10:42", as the reader's system writes it. */
export const timeOfDay = (time: number) => clock.format(time)

/** "10:42:07.318". */
export const exactTime = (time: number) => exactClock.format(time)

/** Date and time in full, for a tooltip. */
export const fullTime = (time: number) => full.format(time)

/** The reader's day that a time falls on, as a number that changes at midnight. */
export function dayNumber(time: number): number {
  const date = new Date(time)
  return Math.floor(Date.UTC(date.getFullYear(), date.getMonth(), date.getDate()) / DAY)
}

/** "Today", "Yesterday", "Monday, 23 November", or with the year where it is another one. */
export function dayName(time: number, now: number): string {
  const ago = dayNumber(now) - dayNumber(time)
  if (ago === 0) return strings.today
  if (ago === 1) return strings.yesterday
  const thisYear = new Date(time).getFullYear() === new Date(now).getFullYear()
  return (thisYear ? day : dayAndYear).format(time)
}

/** "812 B", "64.0 KiB". */
export function byteSize(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`
  if (bytes < 1024 * 1024) return `${(bytes / 1024).toFixed(1)} KiB`
  return `${(bytes / 1024 / 1024).toFixed(1)} MiB`
}
