/* A module for the kernel of the lab's guest: IPVS gets no memory where a test says so, and takes
 * its own way out of that. What is refused is said by parameters, which can be written at any time:
 *
 *   caller     the function of IPVS or of a scheduler of its; or how the names of several begin
 *   allocator  what it calls: one of probes[]
 *   left       so many of these calls still get memory; all do while this is negative
 *   refused    how many did not
 *
 * A probe at the entry of an allocator returns in its place, with NULL. IPVS changes its table
 * under one mutex, so that two processors are never in here for it at a time. */
#include <linux/kallsyms.h>
#include <linux/kprobes.h>
#include <linux/module.h>

#include <asm/linkage.h>

static char caller[KSYM_NAME_LEN];
static char allocator[KSYM_NAME_LEN];
static int left = -1;
static unsigned int refused;

module_param_string(caller, caller, sizeof(caller), 0600);
module_param_string(allocator, allocator, sizeof(allocator), 0600);
module_param(left, int, 0600);
module_param(refused, uint, 0400);

/* The allocator's return without the allocator: a probe cannot move the stack pointer by itself. */
void nomem_return(void);
asm(".pushsection .text\n"
    ".type nomem_return, @function\n"
    "nomem_return:\n"
    "	" ASM_RET ".size nomem_return, . - nomem_return\n"
    ".popsection\n");

/* The kernel says "ip_vs_sh_init_svc [ip_vs_sh]". */
static bool is_of_caller(unsigned long address)
{
	char text[KSYM_SYMBOL_LEN];

	(void)sprint_symbol_no_offset(text, address);
	return strncmp(text, caller, strlen(caller)) == 0 && strstr(text, " [ip_vs");
}

static int on_entry(struct kprobe *probe, struct pt_regs *regs)
{
	if (left < 0 || strcmp(probe->symbol_name, allocator) != 0 ||
		!is_of_caller(*(const unsigned long *)regs->sp))
		return 0;
	if (left > 0) {
		left--;
		return 0;
	}
	refused++;
	regs->ax = 0;
	regs->ip = (unsigned long)nomem_return;
	return 1;
}

/* Does nothing. A probe without it might be made a jump, which always goes on behind itself. */
static void behind_entry(struct kprobe *probe, struct pt_regs *regs, unsigned long flags)
{
	(void)probe;
	(void)regs;
	(void)flags;
}

static struct kprobe probes[] = {
	{.symbol_name = "kmalloc_trace", .pre_handler = on_entry, .post_handler = behind_entry},
	{.symbol_name = "__alloc_percpu", .pre_handler = on_entry, .post_handler = behind_entry},
};
static struct kprobe *all[] = {&probes[0], &probes[1]};

static int __init nomem_init(void)
{
	return register_kprobes(all, ARRAY_SIZE(all));
}

static void __exit nomem_exit(void)
{
	unregister_kprobes(all, ARRAY_SIZE(all));
}

module_init(nomem_init);
module_exit(nomem_exit);
MODULE_DESCRIPTION("No memory for IPVS, where a test says so");
MODULE_LICENSE("GPL");
