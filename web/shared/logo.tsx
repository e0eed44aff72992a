/** The mark: flag P, "Blue Peter", whose white field is a speech bubble. */
export function Logo() {
  return (
    <svg class="logo" viewBox="0 0 24 24" aria-hidden="true">
      <rect class="flag-b" width="24" height="24" rx="3" />
      <path class="flag-w" d="M6 6h12v11h-5.5l-4 3.500V17H6z" />
    </svg>
  )
}
