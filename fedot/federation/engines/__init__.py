"""How clients are run: in this process, in workers, by Ray, by Flower's commands."""
