/* Startup-config in the part of the boot flash that serves as NVRAM, in the layout that IOS and Dynamips (`vm
 * push_config`, `extract_config`) use: a header, the text, the header of an empty private-config; and a second copy of
 * it all. Addresses count from after the first 8 bytes. */
#include "config.h"
#include "hardware.h"

#define FLASH KSEG1(0x1fc00000)
#define FIRST_BLOCK 0x20000u /* of a file system larger than this, the rest comes after the copy's first block */
#define COPY_BLOCK 0x1c000u

#define MAGIC_OFFSET 6
#define MAGIC 0xf0a5
#define HEADER 8 /* where the startup-config header begins, and what addresses count from */
#define HEADER_SIZE 36
#define STARTUP_MAGIC 0xabcd
#define PRIVATE_MAGIC 0xfedc
#define PRIVATE_SIZE 16
#define FORMAT_RAW 1
#define CHECKSUM_OFFSET (HEADER + 4)
#define IMAGE_SIZE (HEADER + HEADER_SIZE + CONFIG_TEXT_SIZE + 4 + PRIVATE_SIZE)

static uint32_t length(void)
{
    return platform->nvram_size / 2;
}

static uint32_t place(uint32_t offset)
{
    return platform->nvram_offset + (offset < FIRST_BLOCK ? offset : COPY_BLOCK + offset);
}

static uint32_t copy_place(uint32_t offset)
{
    uint32_t start = length() < FIRST_BLOCK ? length() : FIRST_BLOCK;

    return platform->nvram_offset + (offset < COPY_BLOCK ? start : length()) + offset;
}

static uint8_t read_byte(uint32_t offset)
{
    return REG8(FLASH + place(offset));
}

static void program(uint32_t at, uint8_t value)
{
    if (REG8(FLASH + at) == value)
        return;
    REG8(FLASH + 0xaaa) = 0xaa; /* the command cycles of an AMD flash chip; this one needs no erase before */
    REG8(FLASH + 0x555) = 0x55;
    REG8(FLASH + 0xaaa) = 0xa0;
    REG8(FLASH + at) = value;
}

static void write_byte(uint32_t offset, uint8_t value)
{
    program(place(offset), value);
    program(copy_place(offset), value);
}

size_t nvram_load(char *text, size_t size)
{
    uint8_t header[HEADER + HEADER_SIZE];
    uint32_t start, count;

    for (uint32_t i = 0; i < sizeof header; i++)
        header[i] = read_byte(i);
    start = get32(header + HEADER + 8);
    count = get32(header + HEADER + 16);
    if (get16(header + MAGIC_OFFSET) != MAGIC || get16(header + HEADER) != STARTUP_MAGIC ||
        get16(header + HEADER + 2) != FORMAT_RAW || start > length() || count > length() - HEADER ||
        start + count > length() - HEADER)
        return 0;
    if (count > size)
        count = (uint32_t)size;
    for (uint32_t i = 0; i < count; i++)
        text[i] = (char)read_byte(HEADER + start + i);
    return count;
}

bool nvram_save(const char *text, size_t size)
{
    static uint8_t image[IMAGE_SIZE];
    uint8_t *header = image + HEADER, *private_header;
    uint32_t end = HEADER_SIZE + (uint32_t)size, sum = 0;

    if (size > CONFIG_TEXT_SIZE || IMAGE_SIZE > length())
        return false;
    memset(image, 0, sizeof image);
    put16(image + MAGIC_OFFSET, MAGIC);
    if (size) {
        put16(header, STARTUP_MAGIC);
        put16(header + 2, FORMAT_RAW);
        put16(header + 6, 0x0c04);
        put32(header + 8, HEADER_SIZE);
        put32(header + 12, end);
        put32(header + 16, (uint32_t)size);
        memcpy(header + HEADER_SIZE, text, size);
        end = (end + 3) & ~3u;
        private_header = header + end;
        put16(private_header, PRIVATE_MAGIC);
        put16(private_header + 2, FORMAT_RAW);
        put32(private_header + 4, end + PRIVATE_SIZE);
        put32(private_header + 8, end + PRIVATE_SIZE);
    }
    for (uint32_t i = 0; i < sizeof image; i++)
        write_byte(i, image[i]);
    for (uint32_t i = HEADER; i + 1 < length();
         i += 2) { /* of all of the file system, files after the configuration included */
        sum += (uint32_t)read_byte(i) << 8 | read_byte(i + 1);
        sum = (sum & 0xffff) + (sum >> 16);
    }
    write_byte(CHECKSUM_OFFSET, (uint8_t)(~sum >> 8));
    write_byte(CHECKSUM_OFFSET + 1, (uint8_t)~sum);
    return true;
}
