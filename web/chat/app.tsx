import { useComputed } from '@preact/signals'
import { useEffect, useMemo } from 'preact/hooks'
import { Announcer } from './announcer.js'
import { Chat } from './chat.js'
import { Directory } from './directory.js'
import { identity } from './identity.js'
import { Shell } from './shell.js'
import { watchTitle } from './title.js'
import { Welcome } from './welcome.js'

/** The page: who are you, or the rooms. */
export function App() {
  // A new token or nick of the same reader changes nothing here.
  const entered = useComputed(() => identity.value !== undefined)
  return (
    <>
      {entered.value ? <SignedIn /> : <Welcome />}
      <Announcer />
    </>
  )
}

function SignedIn() {
  const chat = useMemo(() => new Chat(identity.peek()?.token ?? ''), [])
  const directory = useMemo(() => new Directory(chat), [chat])
  useEffect(() => {
    const unwatchTitle = watchTitle(chat)
    return () => {
      unwatchTitle()
      directory.dispose()
      chat.end()
    }
  }, [chat, directory])
  return <Shell chat={chat} directory={directory} />
}
