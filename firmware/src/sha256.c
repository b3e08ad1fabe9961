#include "sha256.h"

#include "text.h"

static const uint32_t K[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static uint32_t rotate(uint32_t x, unsigned n)
{
    return x >> n | x << (32 - n);
}

static void compress(uint32_t state[8], const uint8_t block[64])
{
    uint32_t w[64], s[8];

    for (int i = 0; i < 16; i++)
        w[i] = get32(block + 4 * i);
    for (int i = 16; i < 64; i++) {
        uint32_t a = w[i - 15], b = w[i - 2];
        w[i] =
            w[i - 16] + w[i - 7] + (rotate(a, 7) ^ rotate(a, 18) ^ a >> 3) + (rotate(b, 17) ^ rotate(b, 19) ^ b >> 10);
    }
    memcpy(s, state, sizeof s);
    for (int i = 0; i < 64; i++) {
        uint32_t t1 = s[7] + (rotate(s[4], 6) ^ rotate(s[4], 11) ^ rotate(s[4], 25)) +
                      ((s[4] & s[5]) ^ (~s[4] & s[6])) + K[i] + w[i];
        uint32_t t2 =
            (rotate(s[0], 2) ^ rotate(s[0], 13) ^ rotate(s[0], 22)) + ((s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]));
        for (int j = 7; j > 0; j--)
            s[j] = s[j - 1];
        s[4] += t1;
        s[0] = t1 + t2;
    }
    for (int i = 0; i < 8; i++)
        state[i] += s[i];
}

void sha256_init(struct sha256 *hash)
{
    static const uint32_t start[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                      0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    memcpy(hash->state, start, sizeof start);
    hash->length = 0;
}

void sha256_add(struct sha256 *hash, const void *data, size_t size)
{
    const uint8_t *p = data;

    while (size) {
        size_t at = hash->length % 64, n = 64 - at < size ? 64 - at : size;
        memcpy(hash->block + at, p, n);
        hash->length += (uint32_t)n;
        p += n;
        size -= n;
        if (at + n == 64)
            compress(hash->state, hash->block);
    }
}

void sha256_end(struct sha256 *hash, uint8_t digest[SHA256_SIZE])
{
    static const uint8_t padding[64] = {0x80};
    uint32_t length = hash->length;
    uint8_t bits[8] = {0};

    put32(bits, length >> 29);
    put32(bits + 4, length << 3);
    sha256_add(hash, padding, (119 - length % 64) % 64 + 1);
    sha256_add(hash, bits, 8);
    for (int i = 0; i < 8; i++)
        put32(digest + 4 * i, hash->state[i]);
}

/* The states after the key block, which every HMAC under one key starts from: half of PBKDF2's work saved. */
struct hmac_key {
    struct sha256 inner, outer;
};

static void hmac_init(struct hmac_key *key, const char *password)
{
    uint8_t block[64] = {0};
    size_t length = strlen(password);

    if (length > 64) {
        sha256_init(&key->inner);
        sha256_add(&key->inner, password, length);
        sha256_end(&key->inner, block);
    } else
        memcpy(block, password, length);
    for (int i = 0; i < 64; i++)
        block[i] ^= 0x36;
    sha256_init(&key->inner);
    sha256_add(&key->inner, block, 64);
    for (int i = 0; i < 64; i++)
        block[i] ^= 0x36 ^ 0x5c;
    sha256_init(&key->outer);
    sha256_add(&key->outer, block, 64);
}

static void hmac(const struct hmac_key *key, const void *data, size_t size, uint8_t digest[SHA256_SIZE])
{
    struct sha256 hash = key->inner;

    sha256_add(&hash, data, size);
    sha256_end(&hash, digest);
    hash = key->outer;
    sha256_add(&hash, digest, SHA256_SIZE);
    sha256_end(&hash, digest);
}

void pbkdf2_sha256(const char *password, const char *salt, unsigned iterations, uint8_t key[SHA256_SIZE])
{
    struct hmac_key hmac_key;
    uint8_t message[64 + 4], u[SHA256_SIZE];
    size_t length = strlen(salt);

    if (length > 64)
        length = 64;
    hmac_init(&hmac_key, password);
    memcpy(message, salt, length);
    put32(message + length, 1); /* block 1 is all of a 32-byte key */
    hmac(&hmac_key, message, length + 4, u);
    memcpy(key, u, SHA256_SIZE);
    while (--iterations) {
        hmac(&hmac_key, u, SHA256_SIZE, u);
        for (int i = 0; i < SHA256_SIZE; i++)
            key[i] ^= u[i];
    }
}

#define SALT_LENGTH 14
#define HASH_LENGTH 43
#ifndef SECRET_ITERATIONS       /* fuzzers build with fewer */
#define SECRET_ITERATIONS 20000 /* of type 8 */
#endif

static const char alphabet[] = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

static void hash_text(const char *password, const char salt[SALT_LENGTH + 1], char text[HASH_LENGTH + 1])
{
    uint8_t key[SHA256_SIZE + 1];

    pbkdf2_sha256(password, salt, SECRET_ITERATIONS, key);
    key[SHA256_SIZE] = 0;
    for (int i = 0; i < HASH_LENGTH; i++) {
        int bit = i * 6;
        unsigned pair = (unsigned)key[bit / 8] << 8 | (bit / 8 + 1 <= SHA256_SIZE ? key[bit / 8 + 1] : 0);
        text[i] = alphabet[pair >> (10 - bit % 8) & 63];
    }
    text[HASH_LENGTH] = 0;
}

void secret_hash(const char *password, const uint8_t random[14], char result[SECRET_TEXT_SIZE])
{
    char salt[SALT_LENGTH + 1], hash[HASH_LENGTH + 1];
    struct text text;

    for (int i = 0; i < SALT_LENGTH; i++)
        salt[i] = alphabet[random[i] & 63];
    salt[SALT_LENGTH] = 0;
    hash_text(password, salt, hash);
    text_init(&text, result, SECRET_TEXT_SIZE);
    text_print(&text, "$8$%s$%s", salt, hash);
}

bool secret_is_hash(const char *text)
{
    return strlen(text) == 3 + SALT_LENGTH + 1 + HASH_LENGTH && memcmp(text, "$8$", 3) == 0 &&
           text[3 + SALT_LENGTH] == '$';
}

bool secret_matches(const char *password, const char *hashed)
{
    char salt[SALT_LENGTH + 1], hash[HASH_LENGTH + 1];
    unsigned difference = 0;

    if (!secret_is_hash(hashed))
        return false;
    memcpy(salt, hashed + 3, SALT_LENGTH);
    salt[SALT_LENGTH] = 0;
    hash_text(password, salt, hash);
    for (int i = 0; i < HASH_LENGTH; i++)
        difference |= (unsigned)(hash[i] ^ hashed[3 + SALT_LENGTH + 1 + i]);
    return difference == 0;
}
