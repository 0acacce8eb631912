/* What the kernel's errno means for an IPVS operation, told to an operator. */
#include "io/ipvs.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* ENOENT is about the scheduler or engine of a service, or about a server. */
static void explain_missing(const struct ipvs_op *op, char *buf, size_t size)
{
	if (op->dest)
		(void)snprintf(buf, size, "the service has no such server");
	else if (op->service->engine[0])
		(void)snprintf(buf, size,
			"this kernel has no scheduler \"%s\" or no persistence engine \"%s\"",
			op->service->scheduler, op->service->engine);
	else
		(void)snprintf(
			buf, size, "this kernel has no scheduler \"%s\"", op->service->scheduler);
}

static const char *explain_invalid(const struct ipvs_op *op)
{
	if (!op->dest)
		return "the kernel refuses the netmask, the timeout or the address";
	if (op->dest->key.addr.family != op->service->key.addr.family)
		return "a server of the other address family needs forward \"tunnel\" and no sync "
		       "daemon";
	/* Without any address there is no table of local ones to judge a server's by. */
	return "the kernel refuses the server's address (neither unicast nor local, or no "
	       "interface "
	       "is up), its tunnel port or its thresholds";
}

static void explain(const struct ipvs_failure *f, char *buf, size_t size)
{
	const struct ipvs_op *op = f->op;
	const char *text = strerrordesc_np(-f->error);

	switch (-f->error) {
	case ENOENT:
		explain_missing(op, buf, size);
		return;
	case EEXIST:
		text = op->dest ? "the service has that server already" : "it exists already";
		break;
	case ESRCH:
		text = "there is no such service";
		break;
	case EINVAL:
		text = explain_invalid(op);
		break;
	case ERANGE:
		text = "the weight is negative, or the lower threshold is above the upper";
		break;
	case EAFNOSUPPORT:
		text = "this kernel's IPVS does not know the address family";
		break;
	case EPERM:
		text = "no permission to change IPVS (CAP_NET_ADMIN)";
		break;
	default:
		break;
	}
	(void)snprintf(buf, size, "%s", text ? text : "unknown error");
}

const char *ipvs_failure_text(const struct ipvs_failure *failure, char *buf, size_t size)
{
	char service[IPVS_KEY_TEXT_MAX], dest[IPVS_KEY_TEXT_MAX], reason[160];
	const struct ipvs_op *op = failure->op;

	explain(failure, reason, sizeof(reason));
	(void)ipvs_service_key_format(&op->service->key, service);
	if (op->dest)
		(void)snprintf(buf, size, "%s, server %s: %s: %s", service,
			ipvs_dest_key_format(&op->dest->key, dest), ipvs_op_name(op->kind), reason);
	else
		(void)snprintf(buf, size, "%s: %s: %s", service, ipvs_op_name(op->kind), reason);
	return buf;
}
