/* The library keeps what it read of the kernel's tables in its context: one is made for each run,
 * so that nothing old is believed and nothing is held while there is nothing to do. */
#include "io/nft.h"

#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <nftables/libnftables.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static int fail(int error, char ret_error[static NFT_ERROR_MAX])
{
	(void)snprintf(ret_error, NFT_ERROR_MAX, "%s", strerror(-error));
	return error;
}

/* The library tells what the kernel said in words only, and then shows where. */
static int error_of(struct nft_ctx *context, char ret_error[static NFT_ERROR_MAX])
{
	static const char mark[] = "Error: ";
	const char *text = nft_ctx_get_error_buffer(context), *reason = strstr(text, mark);

	text = reason ? reason + strlen(mark) : text;
	(void)snprintf(ret_error, NFT_ERROR_MAX, "%.*s", (int)strcspn(text, "\n"), text);
	return strstr(ret_error, strerror(ENOENT)) ? -ENOENT : -EIO;
}

static int run(struct nft_ctx *context, const char *commands, char **ret_answer,
	char ret_error[static NFT_ERROR_MAX])
{
	char *answer;

	if (nft_ctx_buffer_output(context) != 0 || nft_ctx_buffer_error(context) != 0)
		return fail(-ENOMEM, ret_error);
	nft_ctx_output_set_flags(context, NFT_CTX_OUTPUT_JSON | NFT_CTX_OUTPUT_NUMERIC_PRIO);
	if (nft_run_cmd_from_buffer(context, commands) != 0)
		return error_of(context, ret_error);
	if (!ret_answer)
		return 0;
	answer = strdup(nft_ctx_get_output_buffer(context));
	if (!answer)
		return fail(-ENOMEM, ret_error);
	*ret_answer = answer;
	return 0;
}

int nft_run(const char *commands, char **ret_answer, char ret_error[static NFT_ERROR_MAX])
{
	struct nft_ctx *context = nft_ctx_new(NFT_CTX_DEFAULT);
	int r;

	if (!context)
		return fail(-ENOMEM, ret_error);
	r = run(context, commands, ret_answer, ret_error);
	nft_ctx_free(context);
	return r;
}

static int take_generation(struct nl_msg *message, void *userdata)
{
	struct nlmsghdr *header = nlmsg_hdr(message);
	const struct nlattr *id = nlmsg_find_attr(header, sizeof(struct nfgenmsg), NFTA_GEN_ID);

	if (header->nlmsg_type == (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWGEN) && id)
		*(uint32_t *)userdata = be32toh(nla_get_u32(id));
	return NL_OK;
}

static int ask_generation(struct nl_sock *sock, uint32_t *generation)
{
	struct nfgenmsg header = {.nfgen_family = AF_UNSPEC, .version = NFNETLINK_V0};
	int r = nl_connect(sock, NETLINK_NETFILTER);

	if (r < 0)
		return r;
	nl_socket_disable_auto_ack(sock);
	r = nl_socket_modify_cb(sock, NL_CB_VALID, NL_CB_CUSTOM, take_generation, generation);
	if (r >= 0)
		r = nl_send_simple(sock, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETGEN, 0, &header,
			sizeof(header));
	return r < 0 ? r : nl_recvmsgs_default(sock);
}

int nft_generation(uint32_t *ret)
{
	struct nl_sock *sock = nl_socket_alloc();
	uint32_t generation = 0;
	int r;

	if (!sock)
		return -ENOMEM;
	r = ask_generation(sock, &generation);
	nl_socket_free(sock);
	if (r < 0)
		return -EIO; /* without nf_tables, say */
	*ret = generation;
	return 0;
}
