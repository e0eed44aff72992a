import t from 'tap'
import { quote } from '../../../src/protocol/quote.js'

t.test('writes what JSON.stringify writes', async (t) => {
  const texts = ['', 'general', 'a b', 'a"b', 'a\\b', 'a\nb', '名前', '😀', 'x'.repeat(1000)]
  for (const text of texts) t.equal(quote(text), JSON.stringify(text))
  for (let unit = 0; unit <= 0xffff; unit++) {
    const text = `a${String.fromCharCode(unit)}b`
    if (quote(text) !== JSON.stringify(text)) t.fail(`unit ${unit}`)
  }
})
