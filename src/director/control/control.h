/* The control socket: Varlink on RUNTIME_DIR/tandem.sock. This module does the protocol; what a
 * call means is its owner's business. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <sys/types.h>
#include <systemd/sd-event.h>

struct control;
struct control_call; /* one call under way; ends with control_reply() or control_error() */

#define CONTROL_INTERFACE "io.tandem.Director"

#define CONTROL_CALLERS_MAX 64

/* A call of our interface; `method` without the interface ("Status"). `parameters` is borrowed. The
 * answer may come later; a caller that hung up meanwhile is no problem. */
typedef void (*control_handler)(
	struct control_call *call, const char *method, const json_t *parameters, void *userdata);

int control_new(sd_event *loop, const char *runtime_dir, control_handler handler, void *userdata,
	struct control **ret);
/* Whether callers find this socket where it was put. */
bool control_is_found(const struct control *c);
/* Another one in its place; callers that were connected stay so. 0, or -errno with what there was.
 */
int control_renew(struct control *c);
/* Drops callers that still wait, and removes the socket. */
void control_free(struct control *c);

uid_t control_caller(const struct control_call *call);
/* Both take parameters (NULL: empty) and end the call. */
void control_reply(struct control_call *call, json_t *parameters);
/* The same with the whole message as text: {"parameters": {...}}. */
void control_reply_text(struct control_call *call, const char *message);
/* error: without the interface ("ReloadFailed"). */
void control_error(struct control_call *call, const char *error, json_t *parameters);
/* The name of a parameter that no method has, or whose value has another type than its methods
 * want; NULL: there is none. A wish that was spelt wrong must not become a larger one. */
const char *control_wrong_parameter(const json_t *parameters);
/* The interface has no such method, as Varlink says it. */
void control_no_method(struct control_call *call, const char *method);
