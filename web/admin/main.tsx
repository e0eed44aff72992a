import '../styles/tokens.css'
import '../styles/base.css'
import '../styles/page.css'
import '../styles/admin.css'
import { render } from 'preact'
import { AdminPage } from './admin-page.js'

render(<AdminPage />, document.getElementById('app') as HTMLElement)
