package wire

// Methods that the gateway knows by name, of all revisions.
const (
	MethodInitialize            = "initialize"
	MethodInitialized           = "notifications/initialized"
	MethodDiscover              = "server/discover"
	MethodPing                  = "ping"
	MethodToolsList             = "tools/list"
	MethodToolsCall             = "tools/call"
	MethodPromptsList           = "prompts/list"
	MethodPromptsGet            = "prompts/get"
	MethodResourcesList         = "resources/list"
	MethodResourceTemplatesList = "resources/templates/list"
	MethodResourcesRead         = "resources/read"
	MethodResourcesSubscribe    = "resources/subscribe"
	MethodResourcesUnsubscribe  = "resources/unsubscribe"
	MethodComplete              = "completion/complete"
	MethodSetLevel              = "logging/setLevel"
	MethodListen                = "subscriptions/listen"
	MethodTasksGet              = "tasks/get"
	MethodTasksResult           = "tasks/result"
	MethodTasksUpdate           = "tasks/update"
	MethodTasksCancel           = "tasks/cancel"
	MethodTasksList             = "tasks/list"
	MethodCancelled             = "notifications/cancelled"
	MethodProgress              = "notifications/progress"
	MethodLog                   = "notifications/message"
	MethodToolsChanged          = "notifications/tools/list_changed"
	MethodPromptsChanged        = "notifications/prompts/list_changed"
	MethodResourcesChanged      = "notifications/resources/list_changed"
	MethodResourceUpdated       = "notifications/resources/updated"
	MethodTaskChanged           = "notifications/tasks"
	MethodElicit                = "elicitation/create"
	MethodSample                = "sampling/createMessage"
	MethodListRoots             = "roots/list"
	MethodRootsChanged          = "notifications/roots/list_changed"
	MethodListenAcknowledged    = "notifications/subscriptions/acknowledged"
	MethodElicitationComplete   = "notifications/elicitation/complete"
)

// Revisions of the protocol.
const (
	Version20260728 = "2026-07-28"
	Version20251125 = "2025-11-25"
	Version20250618 = "2025-06-18"
	Version20250326 = "2025-03-26"
)

// ExtensionTasks names the extension by which a call can be answered with a
// task.
const ExtensionTasks = "io.modelcontextprotocol/tasks"

// interned holds the strings that come again and again, so that a message
// needs no memory for them.
var interned = func() map[string]string {
	all := map[string]string{}
	for _, s := range []string{
		MethodInitialize, MethodInitialized, MethodDiscover, MethodPing, MethodToolsList, MethodToolsCall,
		MethodPromptsList, MethodPromptsGet, MethodResourcesList, MethodResourceTemplatesList, MethodResourcesRead,
		MethodResourcesSubscribe, MethodResourcesUnsubscribe, MethodComplete, MethodSetLevel, MethodListen,
		MethodTasksGet, MethodTasksResult, MethodTasksUpdate, MethodTasksCancel, MethodTasksList, MethodCancelled,
		MethodProgress, MethodLog, MethodToolsChanged, MethodPromptsChanged, MethodResourcesChanged,
		MethodResourceUpdated, MethodTaskChanged, MethodElicit, MethodSample, MethodListRoots, MethodRootsChanged,
		MethodListenAcknowledged, MethodElicitationComplete,
		Version20260728, Version20251125, Version20250618, Version20250326,
	} {
		all[s] = s
	}
	return all
}()

func intern(b []byte) string {
	if s, ok := interned[string(b)]; ok {
		return s
	}
	return string(b)
}
