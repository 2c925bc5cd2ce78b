"""Looking at what happened: DataFrames and static documents."""
