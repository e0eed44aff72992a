import type { ListeningApp } from '../../helpers/listening-app.js'
import type { Target } from '../target.js'
import { codecTarget } from './codec.js'
import { framesTarget } from './frames.js'
import { httpTarget } from './http.js'
import { logTarget } from './log.js'
import { postsTarget } from './posts.js'
import { tokensTarget } from './tokens.js'

/** Every target by the name of its corpus. Those that need a server are given one. */
export const targets: Readonly<
  Record<string, (server: () => Promise<ListeningApp>) => Target | Promise<Target>>
> = {
  codec: codecTarget,
  tokens: async (server) => tokensTarget(await server()),
  frames: async (server) => framesTarget(await server()),
  handshake: async (server) => httpTarget(await server()),
  rest: async (server) => httpTarget(await server()),
  posts: async (server) => postsTarget(await server()),
  log: logTarget,
}
