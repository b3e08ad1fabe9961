#include "bytes.h"

uint32_t checksum_add(uint32_t sum, const uint8_t *data, size_t size)
{
    for (; size > 1; data += 2, size -= 2) {
        sum += get16(data);
        if (sum >> 31)
            sum = (sum & 0xffff) + (sum >> 16);
    }
    if (size)
        sum += (uint32_t)data[0] << 8;
    return sum;
}

uint16_t checksum_end(uint32_t sum)
{
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)~sum;
}

uint16_t checksum(const uint8_t *data, size_t size)
{
    return checksum_end(checksum_add(0, data, size));
}
