/* Text: bounded output buffers, a small printf, and readers for what people type. */
#ifndef TEXT_H
#define TEXT_H

#include <stdarg.h>

#include "bytes.h"

/* Text under construction. What does not fit is cut, and `truncated` says so. */
struct text {
    char *buffer;
    size_t size; /* of buffer; the last byte is kept for the closing NUL */
    size_t used;
    bool truncated;
};

void text_init(struct text *text, char *buffer, size_t size);
void text_add(struct text *text, const char *data, size_t size);

/* Knows %s %c %d %u %x %%, flags '-' and '0', width and precision (also '*'). */
void text_print(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_vprint(struct text *text, const char *format, va_list arguments);

/* For the arguments of text_print: valid until eight further ones were made. */
const char *ip_text(uint32_t address);
const char *mac_text(const uint8_t mac[6]); /* cc00.793b.0000 */
const char *age_text(uint32_t seconds);     /* 00:01:02, 1d02h, 3w4d */

bool text_equal(const char *a, const char *b);
/* IOS abbreviation: is `typed` (of the given length, any case) the beginning of `word`? */
bool text_begins(const char *typed, size_t length, const char *word);
void text_copy(char *to, size_t size, const char *from);
char lower(char c);
bool is_digit(char c);
bool is_letter(char c);

/* Whole-token readers: false unless the token is exactly that. */
bool parse_number(const char *token, size_t length, uint32_t *value);
bool parse_address(const char *token, size_t length, uint32_t *address);
bool mask_is_contiguous(uint32_t mask);
unsigned mask_length(uint32_t mask);
uint32_t length_mask(unsigned length);
/* Class A, B or C mask of an address; 0 for others. */
uint32_t classful_mask(uint32_t address);

/* Regular expressions of output filters: characters . ^ $ * and | between alternatives. */
bool text_matches(const char *pattern, const char *line, size_t length);

#endif
