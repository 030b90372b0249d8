SELECT h.seq AS entries FROM history.head h
