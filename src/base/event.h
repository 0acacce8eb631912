/* What can happen, named: one token, one journal MESSAGE_ID and one severity for each event that an
 * operator may look for. The catalog (systemd/tandem.catalog) says what each means and what to do.
 */
#pragma once

enum event {
	EVENT_STARTED,           /* the director is up */
	EVENT_STOPPING,          /* the director was asked to stop */
	EVENT_CONFIG_REJECTED,   /* a file was refused; what ran before goes on */
	EVENT_RELOADED,          /* a new configuration is in force */
	EVENT_ROUTER_ACTIVE,     /* this director owns the addresses of a virtual router */
	EVENT_ROUTER_BACKUP,     /* it does not, another director does or may */
	EVENT_ROUTER_INITIALIZE, /* it takes no part in the election */
	EVENT_ROUTER_ADOPTED,    /* a restarted elector goes on as Active with what it found */
	EVENT_ROUTER_LATE,       /* the loop woke too late to still be Active */
	EVENT_PRIORITY,          /* its priority is another one, because of what is tracked */
	EVENT_TRACK_FAILED,      /* something watched has failed */
	EVENT_TRACK_PASSED,      /* ... works again, or for the first time */
	EVENT_TRACK_ERROR,       /* ... cannot be watched */
	EVENT_BEFORE_ACTIVE,     /* the program that a takeover waits for has ended well */
	EVENT_NOTIFY_FAILED,     /* a program of notify failed, or was killed */
	EVENT_NOTIFY_SKIPPED,    /* ... was not run: there was news before its turn */
	EVENT_NOT_READY,         /* the hold before preempting ended without the director's word */
	EVENT_RIVAL,             /* an Active router heard another Active one */
	EVENT_TAKEOVER_WITHHELD, /* adverts are missing, and the peer says that it is Active */
	EVENT_ADVERTS_BACK,      /* ... they are heard again */
	EVENT_ADVERT_REJECTED,   /* a datagram was not an advert for us; rate-limited */
	EVENT_ADVERT_TOO_LONG,   /* for the MTU of the interface that it is sent on */
	EVENT_CLOCK_DEAF,        /* every signed advert is stale: a clock is wrong */
	EVENT_ADDRESS_RESTORED,  /* somebody removed a virtual address, it was put back */
	EVENT_ADDRESS_CONTESTED, /* ... again and again; a sum, once a minute */
	EVENT_ADDRESS_CLAIMED,   /* another host says that it has one of ours; rate-limited */
	EVENT_LEFTOVER_REMOVED,  /* addresses of an earlier run were found and removed */
	EVENT_SWITCHOVER,        /* an operator offers or gives a router's place to a peer */
	EVENT_SWITCHOVER_FAILED, /* ... no peer took it */
	EVENT_MAINTENANCE,       /* an operator begins or ends maintenance of this host */
	EVENT_RESIGNED_FOR,      /* the director resigned for an elector that cannot be restarted */
	EVENT_HELPER_STARTED,    /* a helper process was started */
	EVENT_HELPER_DIED,       /* ... exited or was killed */
	EVENT_HELPER_HUNG,       /* ... did not answer its heartbeat and was killed */
	EVENT_SERVER_UP,         /* a real server passed its health check */
	EVENT_SERVER_DOWN,       /* ... failed it */
	EVENT_SERVER_WISH,       /* ... asks by its check to be drained, or to serve again */
	EVENT_QUORUM_LOST,       /* a pool has less usable weight than it needs */
	EVENT_QUORUM_REGAINED,   /* ... enough again */
	EVENT_FALLBACK_USED,     /* another pool serves instead of it */
	EVENT_PANIC,             /* too few servers are up: all are used */
	EVENT_PANIC_OVER,        /* ... enough again */
	EVENT_DRAIN_STARTED,     /* an operator drains a server */
	EVENT_DRAIN_DONE,        /* ... its last connection ended */
	EVENT_DRAIN_FORCED,      /* ... the deadline came first */
	EVENT_OVERRIDE,          /* an operator decided something else about a server */
	EVENT_IPVS_APPLIED,      /* operations were sent to the kernel */
	EVENT_IPVS_DRIFT,        /* somebody changed the kernel's table, it was mended */
	EVENT_IPVS_FAILED,       /* the kernel refused an operation */
	EVENT_SYNC_STARTED,      /* a kernel sync daemon was started */
	EVENT_SYNC_LOST,         /* the sync interface went away: nothing is synced */
	EVENT_PEER_HEARD,        /* the other director is heard over the link */
	EVENT_PEER_LOST,         /* ... is not heard any more */
	EVENT_SPLIT_BRAIN,       /* both say they are Active for one address */
	EVENT_SPLIT_BRAIN_OVER,  /* ... one of them does not any more */
	EVENT_CONFIG_DIFFERS,    /* the peer's configuration says something else */
	EVENT_CONFIG_EQUAL,      /* ... the same again */
	EVENT_RESYNC_DONE,       /* all connections of the peer were taken over */
	EVENT_RESYNC_FAILED,     /* ... were not */
	EVENT_COVERAGE_LOW,      /* too few connections are known to both directors */
	EVENT_TABLE_DIFFERS,     /* the kernel lost connections on their way to us, or from us */
	EVENT_TABLE_READ,        /* its table was read again */
	EVENT_DECISION_CONFLICT, /* both directors' operators decided about one server at once */
	EVENT_PUSHED,            /* the peer took this node's configuration */
	EVENT_PUSH_FAILED,       /* ... or one of the two did not */
	EVENT_SYSCTL_FAILED,     /* a setting could not be written */
	EVENT_RULES_APPLIED,     /* our nftables table was put in place, or removed */
	EVENT_RULES_FAILED,      /* ... could not be */
	EVENT_CONNTRACK_DELETED, /* a former Active forgot the fullnat connections it tracked */
	EVENT_LOCAL_PORTS,       /* source ports of a fullnat pool are used up */
	EVENT_RUNTIME_RESTORED,  /* what was removed from the runtime directory is there again */
	EVENT_ERROR,             /* what none of the above names */
	EVENT_MAX_
};

const char *event_name(enum event event);       /* "router-active" */
const char *event_message_id(enum event event); /* 32 hex digits */
int event_priority(enum event event);           /* of syslog(3) */
/* EVENT_MAX_ when no event has that name. */
enum event event_by_name(const char *name);
