import { strings } from '../strings.js'
import { Icon, type IconName } from './icons.js'
import { nextTheme, type Theme, theme } from './theme.js'

const ICONS: Record<Theme, IconName> = { system: 'screen', light: 'sun', dark: 'moon' }

export function ThemeToggle() {
  const label = strings.theme[theme.value]
  return (
    <button type="button" class="icon-button" aria-label={label} title={label} onClick={nextTheme}>
      <Icon name={ICONS[theme.value]} />
    </button>
  )
}
