# SPDX-License-Identifier: Apache-2.0
"""Every error that T-TEE raises, grouped by who is at fault.

    TteeError
    ├── UsageError                    the caller                                   exit 2
    │   ├── AppError                  an app folder, manifest, module or bundle
    │   │   ├── ManifestError
    │   │   ├── ModuleError
    │   │   ├── BundleError
    │   │   └── BuildError
    │   ├── PolicyFileError           a policy that cannot be read
    │   ├── DeploymentError           a deployment that cannot mean anything
    │   ├── KnowledgeError            a file of designs, attacks or parties with a mistake
    │   ├── QuestionError             a question about trust that names something unknown
    │   ├── TooLargeError             more combinations than a limit allows
    │   ├── RequestRefusedError       a request that the app does not take
    │   └── InstanceError             no such instance, or it exists already
    ├── EvidenceError                 whoever made the evidence
    │   ├── MalformedEvidenceError    not even well formed                         exit 3
    │   └── NotAuthenticError         well formed, and not genuine                 exit 4
    │       ├── SignatureError
    │       ├── AnchorError           signed by a key that nobody pinned
    │       ├── CertificateError      a chain that its makers would not have issued
    │       ├── WeakKeyError          all-zero, published or degenerate keys
    │       ├── BindingError          parts that do not belong together
    │       └── FreshnessError        another nonce than the one asked for
    ├── RefusedError                  authentic, and against the policy            exit 5
    ├── EndorsementError              missing or stale endorsements                exit 6
    │   ├── FetchError                a service that does not give them
    │   │   └── NotThereError         it does not know them
    │   └── RolledBackError           older ones than were seen before
    ├── TransportError                the way to the TEE, or what travels on it    exit 6
    │   ├── UnreachableError
    │   ├── RequestTooLargeError
    │   ├── BusyError
    │   ├── ChannelError              a sealed message that cannot be opened
    │   ├── ReplayedError
    │   └── KeysUsedUpError
    ├── RevokedError                  revoked, or its TCB is out of date           exit 7
    │   └── TcbError                  the maker supports no such TCB any more
    ├── WorkerDiedError               a process that verified for us ended         exit 8
    └── TeeError                      the TEE on this machine                      exit 8
        ├── TeeUnavailableError       it, or a tool it needs, is not here
        ├── TeeDiedError              it ended while we needed it
        ├── TeeTimeoutError           it did not answer in time
        └── AppTrappedError           the app broke its own rules and was ended

Exit codes that no error stands for: 0 affirming, 1 an internal error, 9 a warning with `--strict`,
130 interrupted.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any, ClassVar


class ExitCode(IntEnum):
    """What a `ttee` command returns to the shell; the same table for all commands."""

    AFFIRMING = 0
    INTERNAL = 1
    USAGE = 2
    MALFORMED = 3
    NOT_AUTHENTIC = 4
    REFUSED = 5
    UNAVAILABLE = 6
    REVOKED = 7
    TEE = 8
    WARNING = 9
    INTERRUPTED = 130


class TteeError(Exception):
    """The root of all errors of this package.

    Next: read the message; it says what is wrong, and where.
    """

    id: ClassVar[str] = "error"
    exit_code: ClassVar[ExitCode] = ExitCode.INTERNAL

    def __init__(
        self,
        message: str,
        *,
        where: str | None = None,
        hint: str | None = None,
        source: str | None = None,
        check: str | None = None,
    ) -> None:
        """`where`: offset, line or field; `hint`: the next step; `source`: specification and section;
        `check`: the id of the check that failed."""
        super().__init__(message)
        self.message = message
        self.where = where
        self.hint = hint
        self.source = source
        self.check = check

    def __reduce__(self) -> tuple[object, ...]:
        """Keep the details across process boundaries."""
        return (_rebuild, (type(self), self.message, self.where, self.hint, self.source, self.check))


def _rebuild(kind: type[TteeError], message: str, *details: str | None) -> TteeError:
    where, hint, source, check = details
    return kind(message, where=where, hint=hint, source=source, check=check)


# --- the caller -----------------------------------------------------------------------------------


class UsageError(TteeError):
    """The command or call cannot mean anything as it stands.

    Next: `ttee COMMAND --help` shows examples.
    """

    id = "usage"
    exit_code = ExitCode.USAGE


class AppError(UsageError):
    """An app folder cannot be used.

    Next: compare it with what `ttee new NAME` makes.
    """

    id = "app"


class ManifestError(AppError):
    """`ttee.toml` is missing, malformed, or says something that is not allowed.

    Next: mend the line that the message names; docs/spec/app.md lists every key.
    """

    id = "app.manifest"


class ModuleError(AppError):
    """The WebAssembly module is malformed, or imports or exports something the ABI does not have.

    Next: docs/spec/app-abi.md lists what a module may import and must export.
    """

    id = "app.module"


class BundleError(AppError):
    """A bundle is malformed or not canonical.

    Next: make it again with `ttee build`.
    """

    id = "app.bundle"


class BuildError(AppError):
    """The compiler refused the app's source.

    Next: mend what the compiler's message says, then `ttee build` again.
    """

    id = "app.build"


class PolicyFileError(UsageError):
    """A policy file is missing, malformed, or names something that does not exist.

    Next: mend the line that the message names; docs/spec/policy.md lists every key.
    """

    id = "policy.file"


class DeploymentError(UsageError):
    """A deployment is missing, malformed, or names something that does not exist.

    Next: mend the line that the message names; docs/spec/trust.md lists every key.
    """

    id = "trust.deployment"


class KnowledgeError(UsageError):
    """A file of the knowledge base (designs, attacks, parties) is malformed, or names something that does not exist.

    Next: mend the line that the message names; docs/spec/trust.md lists every key.
    """

    id = "trust.knowledge"


class QuestionError(UsageError):
    """A question about residual trust names a property, part, adversary or moment that it cannot be asked about.

    Next: the message has the nearest valid name.
    """

    id = "trust.question"


class TooLargeError(UsageError):
    """Cuts cannot be had within the limits on memory and steps.

    Next: ask about a part of the deployment, or raise the limit; `can` needs no cuts and has no such limit.
    """

    id = "trust.too-large"


class RequestRefusedError(UsageError):
    """The app took the request apart and does not answer it.

    Next: the message is the app's own; its documentation says what it takes.
    """

    id = "app.refused-request"


class InstanceError(UsageError):
    """No instance of that name runs here, or one does already.

    Next: `ttee ps` lists the running ones, `ttee run APP` starts one, `ttee stop NAME` ends one.
    """

    id = "instance"


# --- whoever made the evidence --------------------------------------------------------------------


class EvidenceError(TteeError):
    """Evidence that must not be believed.

    Next: ask for evidence again; if it stays so, do not use that TEE.
    """

    id = "evidence"
    exit_code = ExitCode.NOT_AUTHENTIC


class MalformedEvidenceError(EvidenceError):
    """Bytes that are not well-formed evidence: truncated, oversized, ambiguous, or of no known kind.

    Next: get the evidence again, whole and in binary, from where it was made.
    """

    id = "evidence.malformed"
    exit_code = ExitCode.MALFORMED


class NotAuthenticError(EvidenceError):
    """Well-formed evidence that no genuine TEE made, or not for this purpose.

    Next: `ttee explain CHECK` says what the failed check guards against.
    """

    id = "evidence.not-authentic"


class SignatureError(NotAuthenticError):
    """A signature does not verify: the evidence was altered, or another key made it.

    Next: get the evidence again from its origin, and compare the key with the one you pinned.
    """

    id = "evidence.signature"


class AnchorError(NotAuthenticError):
    """The evidence is signed by a key that nobody pinned. A key inside evidence is never an anchor.

    Next: if you trust that device, add its key to the policy's anchors; `ttee inspect FILE` shows it.
    """

    id = "evidence.anchor"


class CertificateError(NotAuthenticError):
    """A certificate that may not say what it says here: wrong shape, names, use, algorithm or time.

    Next: get the evidence again from its origin; the message names the certificate and what is wrong with it.
    """

    id = "evidence.certificate"


class WeakKeyError(NotAuthenticError):
    """A key that anybody could hold: all zero, published for tests, of small order, not canonical.

    Next: provision the device with a key of its own. For a test, the policy can say `insecure-development`.
    """

    id = "evidence.weak-key"


class BindingError(NotAuthenticError):
    """Parts of the evidence that do not belong together: a digest that is signed is not that of the part.

    Next: get all parts from one and the same answer of the TEE.
    """

    id = "evidence.binding"


class FreshnessError(NotAuthenticError):
    """The evidence carries another nonce than the one asked for: it is old, or was made for somebody else.

    Next: ask for evidence with a fresh nonce, and compare with that one.
    """

    id = "evidence.freshness"


# --- the relying party's policy -------------------------------------------------------------------


class RefusedError(TteeError):
    """Authentic evidence that the policy does not accept.

    Next: the verdict lists each failed check with what was expected.
    """

    id = "policy.refused"
    exit_code = ExitCode.REFUSED
    verdict: Any = None
    """The `ttee.model.Verdict` that was reached, if one was."""


# --- endorsements and the way there ---------------------------------------------------------------


class EndorsementError(TteeError):
    """An endorsement that the verification needs is missing, stale or unreachable.

    Next: supply it; the message names the file or address.
    """

    id = "endorsements"
    exit_code = ExitCode.UNAVAILABLE


class FetchError(EndorsementError):
    """A service did not give the endorsement that it was asked for.

    Next: try again, or use what you have: `ttee verify --offline --endorsements DIR`.
    """

    id = "endorsements.fetch"


class NotThereError(FetchError):
    """A service says that it has no such endorsement.

    Next: `ttee inspect FILE` shows what the evidence says of its platform; its operator may have the endorsement.
    """

    id = "endorsements.not-there"


class RolledBackError(EndorsementError):
    """An endorsement is older than one of the same kind that this machine has seen: somebody may hide what is new.

    Next: get the endorsements again from their maker: `ttee endorsements fetch FILE`.
    """

    id = "endorsements.rolled-back"


class TransportError(TteeError):
    """A message did not get through.

    Next: try again; the message says what stopped it.
    """

    id = "transport"
    exit_code = ExitCode.UNAVAILABLE


class UnreachableError(TransportError):
    """Nobody answers at that address.

    Next: `ttee ps` shows what runs here, `ttee run APP` starts it.
    """

    id = "transport.unreachable"


class RequestTooLargeError(TransportError):
    """A request or reply is larger than the app's manifest allows. It was refused before it was copied.

    Next: send less, or raise `limits` in ttee.toml, which changes the measurement.
    """

    id = "transport.too-large"


class BusyError(TransportError):
    """Too many requests wait for this instance already.

    Next: come again a little later.
    """

    id = "transport.busy"


class ChannelError(TransportError):
    """A sealed message cannot be opened: it was altered, or sealed to another key.

    Next: connect again, which asks for fresh evidence and so for the present key.
    """

    id = "channel.open"


class ReplayedError(TransportError):
    """The TEE has seen this very message before and does not answer it twice.

    Next: seal the request anew; a client that does so and still sees this has a host that replays.
    """

    id = "channel.replayed"


class KeysUsedUpError(TransportError):
    """The channel key has served its number of requests, and the TEE has made a new one.

    Next: ask for evidence again; `ttee call` does so by itself.
    """

    id = "channel.used-up"


class RevokedError(TteeError):
    """A key or certificate was revoked, or the TEE's software has known flaws.

    Next: ask the operator to update; the message names what is out of date.
    """

    id = "revoked"
    exit_code = ExitCode.REVOKED


class TcbError(RevokedError):
    """Authentic evidence of a platform whose software or microcode its maker revoked, or never listed.

    Next: have the platform updated; the message has the security versions that it has.
    """

    id = "revoked.tcb"


# --- this machine ---------------------------------------------------------------------------------


class WorkerDiedError(TteeError):
    """A process that verified for us ended before it answered; nothing is known of what it was given.

    Next: verify these items again, with fewer `--jobs` if memory is short.
    """

    id = "worker.died"
    exit_code = ExitCode.TEE


class TeeError(TteeError):
    """The TEE on this machine did not do its work.

    Next: `ttee doctor` checks what it needs.
    """

    id = "tee"
    exit_code = ExitCode.TEE


class TeeUnavailableError(TeeError):
    """This TEE, or a tool it needs, is not on this machine.

    Next: the message names the package to install; `ttee doctor` lists them all.
    """

    id = "tee.unavailable"


class TeeDiedError(TeeError):
    """The TEE's process ended while something was asked of it.

    Next: the message has its last words; start it again with `ttee run`.
    """

    id = "tee.died"


class TeeTimeoutError(TeeError):
    """The TEE did not answer in time and was interrupted.

    Next: raise `--timeout`, or look at the app's log: `ttee logs NAME`.
    """

    id = "tee.timeout"


class AppTrappedError(TeeError):
    """The app broke the rules of its sandbox (bounds, stack, types, unreachable code) and was ended.

    Next: mend the app; its last log lines are in the message. Its state is gone: start it again.
    """

    id = "tee.app-trapped"


def all_errors() -> tuple[type[TteeError], ...]:
    """Every error class, parents first."""

    def below(kind: type[TteeError]) -> list[type[TteeError]]:
        return [kind, *(error for child in kind.__subclasses__() for error in below(child))]

    return tuple(below(TteeError))
