/**
 * A text as JSON (RFC 8259, section 7), as `JSON.stringify` writes it. Names are short and mostly
 * visible ASCII, which needs no escaping: to look at them costs less than a call out of JavaScript.
 */
export function quote(text: string): string {
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit < 0x20 || unit > 0x7e || unit === QUOTE || unit === BACKSLASH) {
      return JSON.stringify(text)
    }
  }
  return `"${text}"`
}

const QUOTE = 0x22
const BACKSLASH = 0x5c
