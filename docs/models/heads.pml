/* Heads by compare-and-swap, with answers that are lost and requests that come late, and the sweep of contents.
 *
 * One resource. Its head names its content and is only ever compared and swapped. Two writers put their
 * content and then change the head; a sweep removes contents that no head names. The network may deliver a request at
 * any later time, and may lose its answer; then the writer repeats the request, and if that does not
 * help it looks for its nonce among those of the last RING changes that the head keeps.
 *
 * It must hold, whatever the order of things:
 *   named    what the head names is there;
 *   done     a write that is reported as done was made, on the version that its writer saw;
 *   refused  a write that is reported as refused was not made and never will be.
 *
 * Mistakes that must be found: SWEEP (remove what nobody names, without the fence), GUESS (a lost answer is a refusal),
 * RING_MISTAKE (a nonce that has left the ring was never there), EARLY (what lost is removed while its request is under way).
 */
#define RING 1      /* changes whose nonce the head remembers */
#define ROWS 4      /* requests of the first writer, its repetition, the other writer, and the sweep */

mtype = { none, sure, conflict, lost };

/* The engine. */
byte token = 1;       /* of the head; every change of it gives another */
byte seq = 1;         /* of the content */
byte swept = 0;       /* how many sweeps have fenced this head */
byte named = 0;       /* the content that the head names, 0 for that of the beginning */
byte nonce = 0;       /* of the last change, a ring of one */
bool there[4];        /* contents: 0 of the beginning, 1 and 2 of the writers, 3 the second of the first writer */

/* Requests that are under way. The first writer repeats a request without an answer, the other one gives up at once. */
bool sent[ROWS]; byte expects[ROWS]; byte names[ROWS]; byte carries[ROWS]; mtype answer[ROWS] = none;

/* What was made of each write, for the judge: it looks at the engine, the writers cannot. */
bool made[4]; bool refused[4];

inline apply(i) {
  sent[i] = false;
  if
  :: expects[i] != token -> answer[i] = conflict
  :: else ->
     token++;
     if
     :: i == ROWS - 1 -> swept++               /* the sweep changes nothing but the fence */
     :: else ->
        assert(!refused[carries[i]]);          /* refused: and never will be */
        assert(!made[carries[i]]);
        made[carries[i]] = true; seq++; named = names[i]; nonce = carries[i];
        assert(there[named])                   /* named */
     fi;
     answer[i] = sure
  fi;
  if :: true :: i < ROWS - 1 -> answer[i] = lost fi;  /* the answer may be lost */
  expects[i] = 0; names[i] = 0; carries[i] = 0 /* forgotten, so that fewer states differ */
}

active proctype engine() {
end:
  do
  :: atomic { sent[0] -> apply(0) }
  :: atomic { sent[1] -> apply(1) }
  :: atomic { sent[2] -> apply(2) }
  :: atomic { sent[3] -> apply(3) }
  od
}

inline request(i, t, c, n) {
  atomic { expects[i] = t; names[i] = c; carries[i] = n; answer[i] = none; sent[i] = true }
}

/* A write of `content` on the version that was seen: once, and once more if no answer comes. */
inline settle() {
  request(2 * me, t, content, content);
  if
  :: atomic { answer[2 * me] == sure -> outcome = sure }
  :: atomic { answer[2 * me] == conflict -> outcome = conflict }
  :: answer[2 * me] == lost || sent[2 * me] -> /* no answer, or none yet: nobody can tell which */
#ifdef GUESS
     outcome = conflict
#else
     if
     :: me == 0 -> request(1, t, content, content)
     :: else
     fi;
     if
     :: atomic { me == 0 && answer[1] == sure -> outcome = sure }
     :: me == 1 || answer[1] == conflict || answer[1] == lost || sent[1] ->
        atomic {                                /* one look at the head */
          if
          :: nonce == content -> outcome = sure
          :: nonce != content && token == t -> outcome = lost     /* it may still come */
#ifdef RING_MISTAKE
          :: nonce != content && token != t -> outcome = conflict
#else
          :: nonce != content && token != t && (seq - q) <= RING -> outcome = conflict
          :: nonce != content && token != t && (seq - q) > RING -> outcome = lost
#endif
          fi
        }
     fi
#endif
  fi
}

proctype writer(byte me; byte try) {         /* try 1: the last */
  byte t, q, s, content;
  mtype outcome;
  content = 1 + me;
  atomic { t = token; q = seq; s = swept }     /* a look, before the content is put */
  there[content] = true;
again:
  settle();
  atomic {
    if
    :: outcome == sure -> assert(made[content])            /* done */
    :: outcome == conflict -> assert(!made[content]); refused[content] = true
    :: else
    fi
  }
  if
  :: outcome == conflict && try == 0 ->        /* the client's condition holds still: once more, on what is there now */
     try++;
     /* What is still under way names a token that is gone, and would only need rows of its own here. */
     atomic { !sent[2 * me] && !sent[1] -> t = token; q = seq; refused[content] = false }
     if
#ifdef SWEEP
     :: true -> goto again                     /* nothing tells that the content may have been swept */
#else
     :: atomic { swept == s -> skip };         /* the same content may be named: the sweep has not fenced it */
        goto again
     :: atomic { swept != s -> s = swept };    /* put it anew, under a new name */
        content = 3; there[content] = true;
        goto again
#endif
     fi
#ifdef EARLY
  :: outcome == lost -> atomic { if :: named != content -> there[content] = false :: else fi }
#endif
  :: else
  fi
}

/* The sweep: list, fence, remove. Once is enough, since it may begin at any time. */
proctype sweep() {
  byte t, head;
  bool listed[4];
  byte i;
  for (i : 0 .. 3) { listed[i] = there[i] }    /* a listing is not one moment */
  atomic { t = token; head = named }
#ifndef SWEEP
  request(ROWS - 1, t, 0, 0);
  if
  :: answer[ROWS - 1] == sure
  :: answer[ROWS - 1] == conflict || sent[ROWS - 1] -> goto out   /* not sure: remove nothing */
  fi;
#endif
  for (i : 0 .. 3) {
    if
    :: listed[i] && i != head -> atomic { there[i] = false; assert(i != named) }
    :: else
    fi
  }
out:
}

init {
  there[0] = true;
  atomic { run writer(0, 0); run writer(1, 1); run sweep() }
}
