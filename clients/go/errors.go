package socketregistry

import (
	"context"
	"errors"
	"fmt"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// ErrClosed is the error of everything that is asked of a [Registry] after [Registry.Close].
var ErrClosed = errors.New("socketregistry: the registry's connection is closed")

// Reason says why a registry refused. The list is closed, and the same in every language.
type Reason string

// What a registry refuses for.
const (
	ReasonSocketNotFound           Reason = "SOCKET_NOT_FOUND"
	ReasonMessageNotFound          Reason = "MESSAGE_NOT_FOUND"
	ReasonSocketDeleted            Reason = "SOCKET_DELETED"
	ReasonSocketExists             Reason = "SOCKET_EXISTS"
	ReasonInvalidSocketID          Reason = "INVALID_SOCKET_ID"
	ReasonMessageTooLarge          Reason = "MESSAGE_TOO_LARGE"
	ReasonContextTooDeep           Reason = "CONTEXT_TOO_DEEP"
	ReasonInvalidField             Reason = "INVALID_FIELD"
	ReasonAfterNotAllowed          Reason = "AFTER_NOT_ALLOWED"
	ReasonConsumerNotAllowed       Reason = "CONSUMER_NOT_ALLOWED"
	ReasonRequestIDReused          Reason = "REQUEST_ID_REUSED"
	ReasonSocketInactive           Reason = "SOCKET_INACTIVE"
	ReasonSocketUnresponsive       Reason = "SOCKET_UNRESPONSIVE"
	ReasonBroadcastSocketProtected Reason = "BROADCAST_SOCKET_PROTECTED"
	ReasonEpochMismatch            Reason = "EPOCH_MISMATCH"
	ReasonEtagMismatch             Reason = "ETAG_MISMATCH"
	ReasonReaderSuperseded         Reason = "READER_SUPERSEDED"
	ReasonQueueFull                Reason = "QUEUE_FULL"
	ReasonSocketLimit              Reason = "SOCKET_LIMIT"
	ReasonReaderLimit              Reason = "READER_LIMIT"
	ReasonStorageFull              Reason = "STORAGE_FULL"
	ReasonPositionLost             Reason = "POSITION_LOST"
	ReasonShuttingDown             Reason = "SHUTTING_DOWN"
	ReasonStorageUnavailable       Reason = "STORAGE_UNAVAILABLE"
	ReasonNotImplemented           Reason = "NOT_IMPLEMENTED"
	ReasonInternal                 Reason = "INTERNAL"
)

// Error is a call that failed: refused by the registry, or never answered.
type Error struct {
	// Code is the gRPC status.
	Code codes.Code
	// Reason is what to branch on. Empty when no registry spoke, as when there is none.
	Reason Reason
	// Metadata holds the values that Message speaks of, such as `socket_id`.
	Metadata map[string]string
	// Message is for people.
	Message string

	status *status.Status
}

// Error is the reason, or the code where there is none, and the message.
func (e *Error) Error() string {
	if e.Reason == "" {
		return fmt.Sprintf("%s: %s", e.Code, e.Message)
	}
	return fmt.Sprintf("%s: %s", e.Reason, e.Message)
}

// GRPCStatus is the status with all of its details. It makes [status.FromError] know the error.
func (e *Error) GRPCStatus() *status.Status {
	if e.status == nil {
		return status.New(e.Code, e.Message)
	}
	return e.status
}

// Is makes a deadline that has passed context.DeadlineExceeded, whoever kept it.
func (e *Error) Is(target error) bool {
	return target == context.DeadlineExceeded && e.Code == codes.DeadlineExceeded
}

// ReasonOf is the reason for which a registry refused. Empty for any other error, and for nil.
func ReasonOf(err error) Reason {
	var refused *Error
	if errors.As(err, &refused) {
		return refused.Reason
	}
	return ""
}

// translate makes an error of this package of one of gRPC, for a call that was made with ctx.
func translate(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	failed, isStatus := status.FromError(err)
	if !isStatus {
		return err
	}
	if failed.Code() == codes.Canceled && errors.Is(ctx.Err(), context.Canceled) {
		return context.Canceled
	}
	translated := &Error{Code: failed.Code(), Message: failed.Message(), status: failed}
	for _, detail := range failed.Details() {
		if info, isInfo := detail.(*errdetails.ErrorInfo); isInfo {
			translated.Reason = Reason(info.GetReason())
			translated.Metadata = info.GetMetadata()
		}
	}
	return translated
}

// ended is the error of a context that has ended.
func ended(ctx context.Context) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return &Error{Code: codes.DeadlineExceeded, Message: "the context's deadline has passed"}
	}
	return ctx.Err()
}

// isUnanswered says whether nobody answered: the call may have been carried out or not.
func isUnanswered(err error) bool {
	return isBroken(err) || codeOf(err) == codes.DeadlineExceeded
}

// isBroken says whether an error means that the server was away, which waiting mends: it says so, or the connection broke.
func isBroken(err error) bool {
	switch codeOf(err) {
	case codes.Unavailable:
		return true
	case codes.Internal, codes.Unknown, codes.Canceled:
		return ReasonOf(err) == ""
	default:
		return false
	}
}

// isGone says whether an error means that there is no such socket any more.
func isGone(err error) bool {
	reason := ReasonOf(err)
	return reason == ReasonSocketNotFound || reason == ReasonSocketDeleted
}

// codeOf is the code of a call that failed; OK for every other error.
func codeOf(err error) codes.Code {
	var failed *Error
	if errors.As(err, &failed) {
		return failed.Code
	}
	return codes.OK
}

// invalid is an argument that is refused before anybody is called.
func invalid(text string, values ...any) *Error {
	return &Error{Code: codes.InvalidArgument, Message: fmt.Sprintf(text, values...)}
}
