#!/usr/bin/python3
"""The test vectors of tandem-link(7), computed once more, from the manual's words and the RFCs alone:
HKDF-SHA256 (RFC 5869), AES-256-GCM (FIPS 197, SP 800-38D), ChaCha20-Poly1305 (RFC 8439), in Python
without a library of cryptography. They must be in the manual and in the unit tests, digit by digit.
With --print they are printed."""
import hashlib
import hmac
import os
import pathlib
import struct
import sys


def hkdf(key, salt, info, length):
    prk = hmac.new(salt or bytes(32), key, hashlib.sha256).digest()
    out = block = b""
    n = 1
    while len(out) < length:
        block = hmac.new(prk, block + info + bytes([n]), hashlib.sha256).digest()
        out += block
        n += 1
    return out[:length]


# AES: the S-box from inverses in GF(2^8) and the affine map.
def times2(a):
    return (a << 1 ^ (0x11b if a & 0x80 else 0)) & 0xff


def make_sbox():
    power, log, x = [0] * 255, {}, 1
    for i in range(255):
        power[i], log[x] = x, i
        x ^= times2(x)  # 3 generates the group
    box = []
    for a in range(256):
        inverse = power[-log[a] % 255] if a else 0
        b = 0x63
        for shift in range(5):
            b ^= (inverse << shift | inverse >> (8 - shift)) & 0xff
        box.append(b)
    return box


SBOX = make_sbox()


def aes256_schedule(key):
    words = [list(key[i:i + 4]) for i in range(0, 32, 4)]
    rcon = 1
    for i in range(8, 60):
        word = list(words[i - 1])
        if i % 8 == 0:
            word = [SBOX[b] for b in word[1:] + word[:1]]
            word[0] ^= rcon
            rcon = times2(rcon)
        elif i % 8 == 4:
            word = [SBOX[b] for b in word]
        words.append([a ^ b for a, b in zip(words[i - 8], word)])
    return [sum(words[i:i + 4], []) for i in range(0, 60, 4)]


def mix(column):
    whole = column[0] ^ column[1] ^ column[2] ^ column[3]
    return [column[i] ^ whole ^ times2(column[i] ^ column[(i + 1) % 4]) for i in range(4)]


def aes256(schedule, block):
    state = [a ^ b for a, b in zip(block, schedule[0])]
    for number, round_key in enumerate(schedule[1:], 1):
        state = [SBOX[state[(i + 4 * (i % 4)) % 16]] for i in range(16)]
        if number < 14:
            state = sum((mix(state[i:i + 4]) for i in range(0, 16, 4)), [])
        state = [a ^ b for a, b in zip(state, round_key)]
    return bytes(state)


def ghash(h, data):
    y = 0
    for i in range(0, len(data), 16):
        x, v, product = y ^ int.from_bytes(data[i:i + 16], "big"), h, 0
        for bit in range(127, -1, -1):
            if x >> bit & 1:
                product ^= v
            v = v >> 1 ^ (0xe1 << 120 if v & 1 else 0)
        y = product
    return y


def padded(data):
    return data + bytes(-len(data) % 16)


def xor(a, b):
    return bytes(x ^ y for x, y in zip(a, b))


def aes_256_gcm(key, nonce, aad, text):
    schedule = aes256_schedule(key)
    stream = b"".join(aes256(schedule, nonce + struct.pack(">I", 2 + i))
                      for i in range((len(text) + 15) // 16))
    ciphertext = xor(text, stream)
    h = int.from_bytes(aes256(schedule, bytes(16)), "big")
    lengths = struct.pack(">QQ", 8 * len(aad), 8 * len(ciphertext))
    y = ghash(h, padded(aad) + padded(ciphertext) + lengths)
    return ciphertext + xor(y.to_bytes(16, "big"), aes256(schedule, nonce + b"\0\0\0\1"))


def rotate(x, n):
    return (x << n | x >> (32 - n)) & 0xffffffff


def quarter(s, a, b, c, d):
    for x, y, z, n in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
        s[x] = s[x] + s[y] & 0xffffffff
        s[z] = rotate(s[z] ^ s[x], n)


def chacha20(key, nonce, counter):
    start = list(struct.unpack("<4I", b"expand 32-byte k")) + list(struct.unpack("<8I", key))
    start += [counter] + list(struct.unpack("<3I", nonce))
    s = list(start)
    for _ in range(10):
        for i in range(4):
            quarter(s, i, 4 + i, 8 + i, 12 + i)
        for i in range(4):
            quarter(s, i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4)
    return struct.pack("<16I", *(a + b & 0xffffffff for a, b in zip(s, start)))


def chacha20_poly1305(key, nonce, aad, text):
    stream = b"".join(chacha20(key, nonce, 1 + i) for i in range((len(text) + 63) // 64))
    ciphertext = xor(text, stream)
    once = chacha20(key, nonce, 0)
    r = int.from_bytes(once[:16], "little") & 0x0ffffffc0ffffffc0ffffffc0fffffff
    data = padded(aad) + padded(ciphertext) + struct.pack("<QQ", len(aad), len(ciphertext))
    y = 0
    for i in range(0, len(data), 16):
        y = (y + int.from_bytes(data[i:i + 16] + b"\1", "little")) * r % ((1 << 130) - 5)
    tag = y + int.from_bytes(once[16:32], "little") & (1 << 128) - 1
    return ciphertext + tag.to_bytes(16, "little")


def prove_ourselves():
    """The RFCs' own vectors, so that a difference below is never this file's."""
    out = hkdf(b"\x0b" * 22, bytes(range(13)), bytes(range(0xf0, 0xfa)), 42)
    assert out.hex().startswith("3cb25f25faacd57a90434f64d0362f2a"), "RFC 5869, A.1"
    block = aes256(aes256_schedule(bytes(range(32))), bytes.fromhex("00112233445566778899aabbccddeeff"))
    assert block.hex() == "8ea2b7ca516745bfeafc49904b496089", "FIPS 197, C.3"
    assert aes_256_gcm(bytes(32), bytes(12), b"", bytes(16)).hex() == \
        "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919", "GCM, case 14"
    sunscreen = (b"Ladies and Gentlemen of the class of '99: If I could offer you "
                 b"only one tip for the future, sunscreen would be it.")
    sealed = chacha20_poly1305(bytes(range(0x80, 0xa0)), bytes.fromhex("070000004041424344454647"),
                               bytes.fromhex("50515253c0c1c2c3c4c5c6c7"), sunscreen)
    assert sealed[-16:].hex() == "1ae10b594f09e26a7e902ecbd0600691", "RFC 8439, 2.8.2"


PAIR_KEY = bytes(range(0x00, 0x20))
SENDER_NONCE = bytes(range(0x20, 0x40))
RECEIVER_NONCE = bytes(range(0x40, 0x60))
NAME = b"lb1"
TEXTS = [(1, b"tandem"), (0x0102030405060708, b"")]
CIPHERS = [(1, aes_256_gcm), (2, chacha20_poly1305)]


def seal(cipher, aead, sequence, text):
    info = b"tandem datagrams 1\0" + bytes([cipher, len(NAME)]) + NAME
    keys = hkdf(PAIR_KEY, SENDER_NONCE + RECEIVER_NONCE, info, 52)
    key, iv, session = keys[:32], keys[32:44], keys[44:]
    header = b"TNDM\1" + bytes([cipher, 0, 0]) + session + struct.pack(">Q", sequence)
    nonce = iv[:4] + xor(iv[4:], struct.pack(">Q", sequence))
    return header + aead(key, nonce, header, text)


def vectors():
    yield "key id", hkdf(PAIR_KEY, b"", b"tandem key id 1", 32)[:8]
    yield "adverts", hkdf(PAIR_KEY, b"", b"tandem vrrp adverts 1", 32)
    for cipher, aead in CIPHERS:
        for sequence, text in TEXTS:
            yield f"cipher {cipher}, sequence {sequence}", seal(cipher, aead, sequence, text)


def main():
    prove_ourselves()
    if sys.argv[1:] == ["--print"]:
        for name, value in vectors():
            print(f"{name}: {value.hex()}")
        return
    root = pathlib.Path(os.environ.get("TANDEM_SRCDIR", "."))
    missing = 0
    sources = "".join((root / path).read_text()
                      for path in ("tests/unit/test_seal.c", "tests/unit/test_pair_key.c"))
    for path, text in ("man/tandem-link.7", (root / "man/tandem-link.7").read_text()), ("test", sources):
        digits = "".join(c for c in text if c not in ' \t\n"\\')
        for name, value in vectors():
            if value.hex() not in digits:
                print(f"{path}: no vector of {name}: {value.hex()}")
                missing += 1
    sys.exit(missing > 0)


if __name__ == "__main__":
    main()
