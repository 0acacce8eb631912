/* Generic netlink's family "fou", one short exchange at a time. */
#include "io/fou.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/fou.h>
#include <netlink/errno.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <stdlib.h>

struct fou {
	struct nl_sock *sock;
	int family;
	int error; /* the kernel's own, which libnl would translate into fewer */
};

static int note_error(struct sockaddr_nl *from, struct nlmsgerr *e, void *userdata)
{
	struct fou *f = userdata;

	(void)from;
	f->error = e->error;
	return NL_STOP;
}

static void fou_close(struct fou *f)
{
	nl_socket_free(f->sock);
}

static int fou_open(struct fou *ret)
{
	struct fou f = {.sock = nl_socket_alloc()};

	if (!f.sock)
		return -ENOMEM;
	if (genl_connect(f.sock) < 0) {
		fou_close(&f);
		return -EPROTONOSUPPORT;
	}
	f.family = genl_ctrl_resolve(f.sock, FOU_GENL_NAME);
	if (f.family < 0) {
		fou_close(&f);
		return -ENOENT;
	}
	*ret = f;
	return 0;
}

static struct nl_msg *build(const struct fou *f, int flags, uint8_t command)
{
	struct nl_msg *msg = nlmsg_alloc();

	if (msg && !genlmsg_put(msg, NL_AUTO_PORT, NL_AUTO_SEQ, f->family, 0, flags, command,
			   FOU_GENL_VERSION)) {
		nlmsg_free(msg);
		return NULL;
	}
	return msg;
}

/* Sends, takes the message, and waits for the end of the answer. */
static int exchange(struct fou *f, struct nl_msg *msg)
{
	int r;

	(void)nl_socket_modify_err_cb(f->sock, NL_CB_CUSTOM, note_error, f);
	f->error = 0;
	r = nl_send_auto(f->sock, msg);
	nlmsg_free(msg);
	if (r >= 0)
		r = nl_recvmsgs_default(f->sock);
	if (f->error < 0)
		return f->error;
	return r < 0 ? -EIO : 0;
}

/* --- Reading --- */

static int take_listener(struct nl_msg *msg, void *userdata)
{
	struct realserver_have *have = userdata;
	struct nlattr *attrs[FOU_ATTR_MAX + 1];
	struct realserver_listener *bigger;

	if (genlmsg_parse(nlmsg_hdr(msg), 0, attrs, FOU_ATTR_MAX, NULL) < 0 ||
		!attrs[FOU_ATTR_PORT])
		return NL_SKIP;
	bigger = reallocarray(have->listeners, have->n_listeners + 1, sizeof(*bigger));
	if (!bigger)
		return -NLE_NOMEM;
	have->listeners = bigger;
	bigger[have->n_listeners++] = (struct realserver_listener){
		.family = attrs[FOU_ATTR_AF] ? nla_get_u8(attrs[FOU_ATTR_AF]) : AF_INET,
		.port = ntohs(nla_get_u16(attrs[FOU_ATTR_PORT])),
		.gue = attrs[FOU_ATTR_TYPE] && nla_get_u8(attrs[FOU_ATTR_TYPE]) == FOU_ENCAP_GUE,
	};
	return NL_OK;
}

int fou_read(struct realserver_have *have)
{
	struct fou f;
	struct nl_msg *msg;
	int r = fou_open(&f);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	(void)nl_socket_modify_cb(f.sock, NL_CB_VALID, NL_CB_CUSTOM, take_listener, have);
	msg = build(&f, NLM_F_DUMP, FOU_CMD_GET);
	r = msg ? exchange(&f, msg) : -ENOMEM;
	fou_close(&f);
	return r;
}

/* --- Changing --- */

static bool put_listener(struct nl_msg *msg, uint8_t command, uint16_t family, uint16_t port)
{
	return nla_put_u16(msg, FOU_ATTR_PORT, htons(port)) == 0 &&
	       nla_put_u8(msg, FOU_ATTR_AF, (uint8_t)family) == 0 &&
	       (command != FOU_CMD_ADD || nla_put_u8(msg, FOU_ATTR_TYPE, FOU_ENCAP_GUE) == 0);
}

static int change(uint8_t command, uint16_t family, uint16_t port)
{
	struct fou f;
	struct nl_msg *msg;
	int r = fou_open(&f);

	if (r < 0)
		return r;
	msg = build(&f, NLM_F_ACK, command);
	if (msg && put_listener(msg, command, family, port)) {
		r = exchange(&f, msg);
	} else {
		nlmsg_free(msg);
		r = -ENOMEM;
	}
	fou_close(&f);
	return r;
}

int fou_add(uint16_t family, uint16_t port)
{
	return change(FOU_CMD_ADD, family, port);
}

int fou_remove(uint16_t family, uint16_t port)
{
	return change(FOU_CMD_DEL, family, port);
}
