package dirstore

// A step is one operation that changes the disk, or makes changes durable.
// Every one goes through Store.step first, so that a test can make it fail, or
// end the process there.
type step string

const (
	stepMakeDir       step = "make directory"
	stepCreate        step = "create file"
	stepReuse         step = "reuse file"
	stepWrite         step = "write file"
	stepStamp         step = "set modification time"
	stepSync          step = "sync file"
	stepSyncDir       step = "sync directory"
	stepSyncFS        step = "sync file system"
	stepExchange      step = "exchange files"
	stepUndo          step = "undo exchange"
	stepInstall       step = "rename new file into place"
	stepTakeOut       step = "rename deleted file away"
	stepPutBack       step = "put back deleted file"
	stepKeep          step = "rename replaced file"
	stepRemove        step = "remove file"
	stepLink          step = "give file a second name"
	stepClone         step = "copy file"
	stepTree          step = "rename tree"
	stepTreeAside     step = "rename replaced tree"
	stepTreeBack      step = "put back tree"
	stepIndex         step = "write index"
	stepJournal       step = "write journal"
	stepJournalNew    step = "start journal"
	stepJournalExtend step = "extend journal"
	stepJournalSync   step = "sync journal"
	stepJournalErase  step = "erase journal"
	stepJournalForget step = "forget journal"
)

func (s *Store) step(what step) error {
	if s.opts.hook == nil {
		return nil
	}
	return s.opts.hook(what)
}
