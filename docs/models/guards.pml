/* Two guards before one server that checks no conditions. They share a lock with a lease, and the lease may run out
 * while the server is slow, or the guard stands still.
 *
 * Each guard has one write whose condition is the version of the beginning: it takes the lock, looks, sends the
 * write if the condition holds, and when the server has answered it asks the lock service whether the lease is still the
 * one that it was given: the fence. If not, it reports the outcome as unknown.
 *
 * It must hold, whatever the order of things and however slow anybody is:
 *   winner   of two writes on one version at most one is reported as done.
 * And if what a guard has sent reaches the server before its lease has ended or never does (BOUNDED):
 *   kept     a write that is reported as done is not overwritten by one whose condition did not hold then.
 * Without BOUNDED `kept` cannot hold, as the server does not know of leases: the checker finds that too (LATE).
 *
 * Mistakes that must be found: FENCE (the lease is not looked at after the answer), BEFORE (it is looked at before
 * the write is sent, not after), LATE (kept, without BOUNDED).
 */
#define NOBODY 2

byte version = 0;        /* of the resource: 0, or 1 + the guard whose write came last */
byte holder = NOBODY;    /* of the lease */
byte lease = 0;          /* its revision: each grant has another one */
bool sent[2];            /* under way to the server */
bool applied[2];         /* answered by the server */
bool done[2];            /* reported as done */

inline arrive(g) {       /* the server performs whatever it is sent */
  sent[g] = false; applied[g] = true;
#ifdef KEPT
  assert(version == 0 || !done[version - 1]);
#endif
  version = 1 + g
}

active proctype server() {
end:
  do
  :: atomic { sent[0] -> arrive(0) }
  :: atomic { sent[1] -> arrive(1) }
  od
}

/* Leases end at any time. BOUNDED: what was sent under one has come to the server by then, or never will. */
active proctype clock() {
end:
  do
  :: atomic { holder != NOBODY ->
#ifdef BOUNDED
       sent[holder] = false;
#endif
       holder = NOBODY }
  od
}

proctype guard(byte g) {
  byte mine; byte seen;
  atomic { holder == NOBODY -> holder = g; lease++; mine = lease }
  seen = version;
  if
  :: seen != 0 -> goto refused
  :: else
  fi;
#ifdef BEFORE
  if
  :: atomic { holder == g && lease == mine -> skip }
  :: !(holder == g && lease == mine) -> goto unknown
  fi;
#endif
  /* BOUNDED: the guard knows the end of its lease, and sends nothing afterwards. */
#ifdef BOUNDED
  if
  :: atomic { holder == g && lease == mine -> sent[g] = true }
  :: !(holder == g && lease == mine) -> goto refused
  fi;
#else
  sent[g] = true;
#endif
  if
  :: applied[g]
  :: goto unknown        /* no answer in time */
  fi;
#if defined(FENCE) || defined(BEFORE)
  done[g] = true;
#else
  if
  :: atomic { holder == g && lease == mine -> done[g] = true }
  :: !(holder == g && lease == mine) -> goto unknown
  fi;
#endif
  assert(!(done[0] && done[1]));
refused:                 /* 412, or 503: nothing was sent */
unknown:                 /* 502 or 504: nobody knows */
  if
  :: atomic { holder == g && lease == mine && !sent[g] -> holder = NOBODY }  /* given back; not while a write may still come */
  :: true                                                                    /* or left to run out */
  fi
}

init { atomic { run guard(0); run guard(1) } }
