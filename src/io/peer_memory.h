/* The memory of a struct peer_page: made by the director, inherited as a descriptor by the one that
 * writes it and the one that reads it. */
#pragma once

#include "base/peer_page.h"

/* Memory with an empty page in it, sealed so that nobody who has it can change its size. Returns
 * the descriptor (close-on-exec, the caller's) or -errno. */
int peer_memory_new(void);

/* The page behind an inherited descriptor, which may be closed afterwards. -EINVAL: it is no sealed
 * memory of that size, so that reading it could fail later; -EPROTO: of another version. */
int peer_memory_map_reader(int fd, const struct peer_page **ret);
int peer_memory_map_writer(int fd, struct peer_page **ret);
void peer_memory_unmap(const struct peer_page *p); /* NULL is fine */
