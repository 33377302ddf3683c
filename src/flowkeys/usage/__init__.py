"""What calls leave behind: kept in memory, flushed by one writer."""
