/* Coherent caches in two guards before one server: what is kept is served without asking, until a write through any of
 * the guards touches it.
 *
 * A guard that writes has every cache forget the resource and keep nothing of it, then sends the write, and when the
 * server has answered it lets them keep again; only then the writer is answered. A reader whose question was under way when its
 * cache was told to forget must not keep the answer, nor one that asked while a write was under way: each beginning and
 * each end of a write has a number.
 *
 * It must hold: fresh - a read that begins after a write was answered returns that write or a later one.
 *
 * Mistakes that must be found: ONCE (forgotten before the write, and kept again while it is under way), NUMBER (an answer
 * is kept although its cache was told to forget since it was asked), OWN (only the cache that the write went through
 * forgets), ANSWER (the writer is answered before the others have forgotten).
 */
#define NONE 255

byte version = 0;          /* of the resource, at the server */
byte answered = 0;         /* the last version whose write was answered */
byte kept[2] = NONE;       /* what each cache holds */
byte told[2];              /* how often it was told to forget, or to keep again */
byte closed[2];            /* writes under way: nothing is kept meanwhile */

inline reopen(x) { closed[x]--; told[x]++ }
inline forget(x) { kept[x] = NONE; told[x]++; closed[x]++ }

proctype writer(byte c) {
  byte mine;
  atomic { forget(c) };
#if !defined(OWN) && !defined(ANSWER)
  atomic { forget(1 - c) };                       /* and hears that it has */
#endif
#ifdef ONCE
  atomic { reopen(0); reopen(1) };
#endif
  atomic { version++; mine = version };           /* the server performs the write */
#ifdef ANSWER
  answered = (mine > answered -> mine : answered);
  atomic { forget(1 - c) };
#endif
#ifndef ONCE
  atomic { reopen(c) };
#ifndef OWN
  atomic { reopen(1 - c) };
#endif
#endif
#ifndef ANSWER
  answered = (mine > answered -> mine : answered)
#endif
}

proctype reader(byte c; byte reads) {
  byte must, number, got;
again:
  atomic { must = answered; got = kept[c] };      /* a read begins */
  if
  :: got != NONE
  :: else ->
     number = told[c];
     got = version;                               /* the server answers */
     atomic {                                     /* the answer arrives, at any time */
       if
#ifdef NUMBER
       :: closed[c] == 0 -> kept[c] = got
       :: else
#else
       :: closed[c] == 0 && told[c] == number -> kept[c] = got
       :: else
#endif
       fi
     }
  fi;
  assert(got >= must);                            /* fresh */
  if
  :: reads > 0 -> reads--; goto again
  :: else
  fi
}

init { atomic { run writer(0); run writer(1); run reader(0, 1); run reader(1, 1) } }
