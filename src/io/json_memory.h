/* Keys travel to the helpers as JSON. */
#pragma once

/* From here on jansson leaves nothing in the memory that it gives back. Before its first use. */
void json_memory_init(void);
