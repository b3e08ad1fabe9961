/* Start-up and the few instructions that C has no words for.
 *
 * Dynamips' boot ROM jumps to the ELF's entry point in KSEG0 (unmapped, "cached": Dynamips has no caches). Interrupts are never
 * enabled: the main loop looks at the pending bits of Cause instead, so there is no exception vector and nothing runs concurrently. */
        .set    noreorder

        .section .start, "ax", @progbits
        .globl  start
start:  mtc0    $0, $12                 /* Status: interrupts off, not BEV */
        la      $sp, __stack_top
        la      $8, __bss_start         /* memory is not zero after a reload */
        la      $9, __bss_end
1:      sw      $0, 0($8)
        addiu   $8, $8, 4
        sltu    $10, $8, $9
        bnez    $10, 1b
        nop
        jal     board_main
        nop

/* void cpu_wait(void): return when Cause has IP2 (network cards, GT96100 Ethernet), IP3 (GT96100), IP5 (UART) or IP7 (timer).
 *
 * Dynamips lets the host sleep when the program counter has been at idle-pc 500 times. It compares them only between translated blocks that
 * end in a jump by register: hence `jr` instead of a branch. It recomputes Cause only on a write of Status or at a timer tick:
 * hence the mtc0 in the loop. link.ld keeps this at a fixed address, so that idle-pc survives changes elsewhere. */
        .section .idle, "ax", @progbits
        .globl  cpu_wait
        .globl  idle_pc
cpu_wait:
        la      $9, idle_pc
idle_pc:
        mtc0    $0, $12
        mfc0    $8, $13
        andi    $8, $8, 0xac00
        bnez    $8, 1f
        nop
        jr      $9
        nop
1:      jr      $31
        nop

        .text
/* uint32_t cpu_cause(void) */
        .globl  cpu_cause
cpu_cause:
        mtc0    $0, $12
        mfc0    $2, $13
        jr      $31
        nop

/* void cpu_clear_timer(void): a write of Compare takes IP7 back. */
        .globl  cpu_clear_timer
cpu_clear_timer:
        mtc0    $0, $11
        jr      $31
        nop

/* void cpu_run_blocks(uint32_t count): Dynamips hands out a tick that is due only once per 1000 blocks run. */
        .globl  cpu_run_blocks
cpu_run_blocks:
        la      $9, 1f
1:      addiu   $4, $4, -1
        bgtz    $4, 2f
        nop
        jr      $31
        nop
2:      jr      $9
        nop

/* void cpu_map(uint32_t index, uint32_t virtual_address, uint32_t entry_lo0, uint32_t entry_lo1, uint32_t page_mask) */
        .globl  cpu_map
cpu_map:
        lw      $8, 16($sp)
        mtc0    $5, $10
        mtc0    $6, $2
        mtc0    $7, $3
        mtc0    $8, $5
        mtc0    $4, $0
        nop
        tlbwi
        jr      $31
        nop
