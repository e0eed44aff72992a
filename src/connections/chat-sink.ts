import { CloseCode } from '../protocol/close-codes.js'
import type { Connection } from './connection.js'
import type { MessageSink } from './frame-reader.js'

/** Takes the text messages of a client. Never throws. */
export interface TextReceiver {
  receive(connection: Connection, text: string): void
}

/** Hands the texts of a `/chat` client on; binary messages are none. */
export class ChatSink implements MessageSink {
  readonly #connection: Connection
  readonly #receiver: TextReceiver

  constructor(connection: Connection, receiver: TextReceiver) {
    this.#connection = connection
    this.#receiver = receiver
  }

  message(bytes: Buffer, start: number, end: number, isBinary: boolean, ascii: boolean): void {
    if (isBinary) this.#connection.close(CloseCode.unsupportedData, 'Text messages only')
    else {
      const text = bytes.toString(ascii ? 'latin1' : 'utf8', start, end)
      this.#receiver.receive(this.#connection, text)
    }
  }

  flush(): void {
    // Every message was handed on as it came.
  }
}
