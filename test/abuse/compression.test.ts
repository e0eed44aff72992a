import t from 'tap'
import { startService } from '../helpers/service.js'

t.test('compression is not agreed to, though clients offer it', async (t) => {
  const service = await startService(t)
  const ann = await service.connect('ann')
  t.equal(ann.socket.extensions, '')
})
