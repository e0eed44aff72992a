/* Frames of RFC 6455, section 5.2. */
#include "generator.h"
#include <endian.h>
#include <string.h>

/* Any key but zero, which servers may spare themselves the work for. */
static const uint8_t MASK[4] = {0x37, 0xfa, 0x21, 0x3d};

size_t frame_parse(uint8_t *at, size_t available, struct frame *frame) {
  if (available < 2) return 0;
  size_t header = 2, length = at[1] & 0x7f;
  if (length == 126) {
    if (available < 4) return 0;
    length = (size_t)at[2] << 8 | at[3];
    header = 4;
  } else if (length == 127) {
    if (available < 10) return 0;
    uint64_t big;
    memcpy(&big, at + 2, 8);
    length = (size_t)be64toh(big);
    header = 10;
  }
  if (available < header + length) return 0;
  if (!(at[0] & 0x80)) fail("the server fragments a message");
  if (at[1] & 0x80) fail("the server masks a frame");
  if (at[0] & 0x70) fail("the server uses an extension that was not offered");
  *frame = (struct frame){at[0] & 0x0f, at + header, length};
  return header + length;
}

size_t frame_size(size_t length) {
  return length + (length < 126 ? 6 : length < 65536 ? 8 : 14);
}

size_t frame_build(uint8_t *into, int opcode, const uint8_t *payload, size_t length) {
  uint8_t *at = into;
  *at++ = (uint8_t)(0x80 | opcode);
  if (length < 126) *at++ = (uint8_t)(0x80 | length);
  else if (length < 65536) {
    *at++ = 0x80 | 126;
    *at++ = (uint8_t)(length >> 8);
    *at++ = (uint8_t)length;
  } else {
    uint64_t big = htobe64(length);
    *at++ = 0x80 | 127;
    memcpy(at, &big, 8);
    at += 8;
  }
  memcpy(at, MASK, 4);
  at += 4;
  for (size_t i = 0; i < length; i++) at[i] = payload[i] ^ MASK[i & 3];
  return (size_t)(at - into) + length;
}
