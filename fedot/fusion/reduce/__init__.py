"""All models side by side in one wide model, reduced to the size of one."""
