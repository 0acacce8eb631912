/* What the checker may still ask of the system. */
#pragma once

/* No capability but those given on purpose (io/privilege), and the system calls that the types of
 * check make (io/sandbox), for good. Before anything is received from a server. 0 or -errno. */
int checker_confine(void);
