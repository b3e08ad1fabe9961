/* What a C compiler takes for granted; built into the firmware only. */
#include "bytes.h"

void *memcpy(void *restrict to, const void *restrict from, size_t size)
{
    uint8_t *d = to;
    const uint8_t *s = from;

    if ((((uintptr_t)d | (uintptr_t)s) & 3) == 0)
        for (; size >= 4; d += 4, s += 4, size -= 4)
            *(uint32_t *)d = *(const uint32_t *)s;
    while (size--)
        *d++ = *s++;
    return to;
}

void *memmove(void *to, const void *from, size_t size)
{
    uint8_t *d = to;
    const uint8_t *s = from;

    if (d < s)
        while (size--)
            *d++ = *s++;
    else
        while (size--)
            d[size] = s[size];
    return to;
}

void *memset(void *to, int value, size_t size)
{
    uint8_t *d = to;

    while (size--)
        *d++ = (uint8_t)value;
    return to;
}

int memcmp(const void *a, const void *b, size_t size)
{
    const uint8_t *x = a, *y = b;

    for (; size--; x++, y++)
        if (*x != *y)
            return *x - *y;
    return 0;
}

size_t strlen(const char *text)
{
    size_t n = 0;

    while (text[n])
        n++;
    return n;
}
