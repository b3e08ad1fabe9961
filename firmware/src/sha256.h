/* SHA-256 (FIPS 180-4), HMAC and PBKDF2 (RFC 8018), and Cisco's type 8 text form of a hashed secret. */
#ifndef SHA256_H
#define SHA256_H

#include "bytes.h"

#define SHA256_SIZE 32
#define SECRET_TEXT_SIZE 64 /* "$8$" salt of 14 "$" hash of 43, NUL */

struct sha256 {
    uint32_t state[8];
    uint32_t length; /* bytes so far; messages here are short */
    uint8_t block[64];
};

void sha256_init(struct sha256 *hash);
void sha256_add(struct sha256 *hash, const void *data, size_t size);
void sha256_end(struct sha256 *hash, uint8_t digest[SHA256_SIZE]);

void pbkdf2_sha256(const char *password, const char *salt, unsigned iterations, uint8_t key[SHA256_SIZE]);

/* Writes $8$salt$hash; `random` gives the salt its 14 characters. */
void secret_hash(const char *password, const uint8_t random[14], char result[SECRET_TEXT_SIZE]);
bool secret_is_hash(const char *text);
bool secret_matches(const char *password, const char *hashed);

#endif
