/* Every node and every text of jansson is freed here, those with a key in them, too; which these
 * are nobody needs to know. */
#include "io/json_memory.h"

#include <jansson.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

static void cleanse_and_free(void *memory)
{
	if (memory)
		explicit_bzero(memory, malloc_usable_size(memory));
	free(memory);
}

void json_memory_init(void)
{
	json_set_alloc_funcs(malloc, cleanse_and_free);
}
