#include "text.h"

void text_init(struct text *text, char *buffer, size_t size)
{
    text->buffer = buffer;
    text->size = size;
    text->used = 0;
    text->truncated = false;
    buffer[0] = 0;
}

void text_add(struct text *text, const char *data, size_t size)
{
    size_t room = text->size - 1 - text->used;

    if (size > room) {
        size = room;
        text->truncated = true;
    }
    memcpy(text->buffer + text->used, data, size);
    text->used += size;
    text->buffer[text->used] = 0;
}

static void pad(struct text *text, char with, int count)
{
    while (count-- > 0)
        text_add(text, &with, 1);
}

static size_t digits(char *end, uint32_t value, uint32_t base)
{
    char *p = end;

    do {
        *--p = "0123456789abcdef"[value % base];
        value /= base;
    } while (value);
    return (size_t)(end - p);
}

static const char *number_argument(const char *f, int *value, va_list *arguments)
{
    if (*f == '*') {
        *value = va_arg(*arguments, int);
        return f + 1;
    }
    for (*value = 0; is_digit(*f); f++)
        *value = *value * 10 + (*f - '0');
    return f;
}

void text_vprint(struct text *text, const char *format, va_list original)
{
    va_list arguments;

    va_copy(arguments, original);
    for (const char *f = format; *f; f++) {
        if (*f != '%') {
            const char *start = f;
            while (f[1] && f[1] != '%')
                f++;
            text_add(text, start, (size_t)(f + 1 - start));
            continue;
        }
        bool left = false, zero = false;
        int width = 0, precision = -1;
        for (f++; *f == '-' || *f == '0'; f++)
            *f == '-' ? (left = true) : (zero = true);
        f = number_argument(f, &width, &arguments);
        if (*f == '.')
            f = number_argument(f + 1, &precision, &arguments);
        char scratch[16], *end = scratch + sizeof scratch;
        const char *body = scratch;
        size_t size = 0;
        switch (*f) {
        case 's':
            body = va_arg(arguments, const char *);
            while ((precision < 0 || size < (size_t)precision) && body[size])
                size++;
            break;
        case 'c':
            scratch[0] = (char)va_arg(arguments, int);
            size = 1;
            break;
        case 'd': {
            int value = va_arg(arguments, int);
            size = digits(end, value < 0 ? 0u - (uint32_t)value : (uint32_t)value, 10);
            if (value < 0)
                *(end - ++size) = '-';
            body = end - size;
            break;
        }
        case 'u':
        case 'x':
            size = digits(end, va_arg(arguments, unsigned), *f == 'u' ? 10 : 16);
            body = end - size;
            break;
        default:
            scratch[0] = '%';
            size = 1;
            break;
        }
        int fill = width - (int)size;
        if (!left)
            pad(text, zero ? '0' : ' ', fill);
        text_add(text, body, size);
        if (left)
            pad(text, ' ', fill);
    }
    va_end(arguments);
}

void text_print(struct text *text, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    text_vprint(text, format, arguments);
    va_end(arguments);
}

static struct text *scratch_text(void)
{
    static struct {
        char buffer[24];
        struct text text;
    } ring[8];
    static unsigned next;
    struct text *text = &ring[next % 8].text;

    text_init(text, ring[next % 8].buffer, sizeof ring[0].buffer);
    next++;
    return text;
}

const char *ip_text(uint32_t address)
{
    struct text *text = scratch_text();

    text_print(text, "%u.%u.%u.%u", address >> 24, address >> 16 & 255, address >> 8 & 255, address & 255);
    return text->buffer;
}

const char *mac_text(const uint8_t mac[6])
{
    struct text *text = scratch_text();

    text_print(text, "%04x.%04x.%04x", get16(mac), get16(mac + 2), get16(mac + 4));
    return text->buffer;
}

const char *age_text(uint32_t seconds)
{
    struct text *text = scratch_text();
    uint32_t hours = seconds / 3600;

    if (hours < 24)
        text_print(text, "%02u:%02u:%02u", hours, seconds / 60 % 60, seconds % 60);
    else if (hours < 7 * 24)
        text_print(text, "%ud%02uh", hours / 24, hours % 24);
    else
        text_print(text, "%uw%ud", hours / (7 * 24), hours / 24 % 7);
    return text->buffer;
}

char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

bool is_letter(char c)
{
    return lower(c) >= 'a' && lower(c) <= 'z';
}

bool text_equal(const char *a, const char *b)
{
    while (*a && *a == *b)
        a++, b++;
    return *a == *b;
}

bool text_begins(const char *typed, size_t length, const char *word)
{
    for (size_t i = 0; i < length; i++)
        if (!word[i] || lower(typed[i]) != lower(word[i]))
            return false;
    return true;
}

void text_copy(char *to, size_t size, const char *from)
{
    size_t n = 0;

    for (; n + 1 < size && from[n]; n++)
        to[n] = from[n];
    to[n] = 0;
}

bool parse_number(const char *token, size_t length, uint32_t *value)
{
    uint32_t result = 0;

    if (!length)
        return false;
    for (size_t i = 0; i < length; i++) {
        if (!is_digit(token[i]))
            return false;
        uint32_t digit = (uint32_t)(token[i] - '0');
        if (result > (UINT32_MAX - digit) / 10)
            return false;
        result = result * 10 + digit;
    }
    *value = result;
    return true;
}

bool parse_address(const char *token, size_t length, uint32_t *address)
{
    uint32_t result = 0;
    size_t at = 0;

    for (int part = 0; part < 4; part++) {
        uint32_t value;
        size_t start = at;
        if (part && (at >= length || token[at] != '.'))
            return false;
        start += part ? 1 : 0;
        for (at = start; at < length && is_digit(token[at]); at++)
            ;
        if (at - start > 3 || !parse_number(token + start, at - start, &value) || value > 255)
            return false;
        result = result << 8 | value;
    }
    if (at != length)
        return false;
    *address = result;
    return true;
}

bool mask_is_contiguous(uint32_t mask)
{
    return (~mask & (~mask + 1)) == 0;
}

unsigned mask_length(uint32_t mask)
{
    unsigned n = 0;

    for (; mask; mask <<= 1)
        n++;
    return n;
}

uint32_t length_mask(unsigned length)
{
    return length ? ~0u << (32 - length) : 0;
}

uint32_t classful_mask(uint32_t address)
{
    if (address >> 31 == 0)
        return 0xff000000;
    if (address >> 30 == 2)
        return 0xffff0000;
    return address >> 29 == 6 ? 0xffffff00 : 0;
}

/* A line may hold 500 characters and a pattern many stars: `steps` bounds what backtracking may cost. */
static bool matches_here(const char *p, const char *p_end, const char *s, const char *s_end, unsigned *steps)
{
    while (p < p_end) {
        if (!*steps)
            return false;
        (*steps)--;
        if (*p == '$' && p + 1 == p_end)
            return s == s_end;
        if (p + 1 < p_end && p[1] == '*') {
            for (;; s++) {
                if (matches_here(p + 2, p_end, s, s_end, steps))
                    return true;
                if (s >= s_end || (*p != '.' && *p != *s))
                    return false;
            }
        }
        if (p + 1 < p_end && *p == '\\')
            p++;
        else if (*p == '.' && s < s_end) {
            p++, s++;
            continue;
        }
        if (s >= s_end || *p != *s)
            return false;
        p++, s++;
    }
    return true;
}

bool text_matches(const char *pattern, const char *line, size_t length)
{
    const char *start = pattern, *line_end = line + length;
    unsigned steps = 20000;

    for (const char *p = pattern;; p++) {
        if (*p && *p != '|')
            continue;
        const char *from = *start == '^' ? start + 1 : start;
        for (const char *s = line; s <= line_end; s++) {
            if (matches_here(from, p, s, line_end, &steps))
                return true;
            if (*start == '^')
                break;
        }
        if (!*p)
            return false;
        start = p + 1;
    }
}
